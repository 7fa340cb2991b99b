/**
 * Sends stem snapshots from a page to `tonewheel stems ingest`: features and corrections, never audio.
 *
 *     import { SnapshotClient } from "./snapshot-client.js";
 *     const client = new SnapshotClient({ url: "https://studio.example/stem-separation" });
 *     client.send(snapshot);
 *
 * Off unless a URL is set: here, as `window.__MIXX_STEM_SEPARATION_EXPORT_URL`, or as
 * `VITE_STEM_SEPARATION_EXPORT_URL` when the page was built. A queue of 50 (the oldest is dropped), 5 attempts each
 * with a pause that doubles, and what still waits when the page goes is handed to `navigator.sendBeacon`. The service
 * takes a snapshot once, however often it arrives, so one that was under way may go by beacon as well.
 */

export const CHANNEL = "stem-separation";
export const WAITING_MOST = 50;
export const ATTEMPTS = 5;
export const FIRST_PAUSE_MS = 1000;
export const LONGEST_PAUSE_MS = 60_000;
/** What the browser takes for all beacons that are under way together. */
export const BEACON_BYTES = 65_536;
const TIMEOUT_MS = 15_000;
/** Answers that a later attempt may change; any other refusal stays one. */
const TRY_AGAIN = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The URL that the page or its build has set, or "". */
export function configuredUrl() {
  return globalThis.__MIXX_STEM_SEPARATION_EXPORT_URL || import.meta.env?.VITE_STEM_SEPARATION_EXPORT_URL || "";
}

export class SnapshotClient {
  #waiting = [];
  #sending = null;
  #stop = new AbortController();
  #options;

  /**
   * `url` and `key` of the service; `pauseMs` after the first failed attempt; `debug` tells the console what becomes
   * of each snapshot (default: `VITE_STEM_SEPARATION_EXPORT_DEBUG` is 1).
   */
  constructor({ url = configuredUrl(), key = "", pauseMs = FIRST_PAUSE_MS, debug } = {}) {
    debug ??= import.meta.env?.VITE_STEM_SEPARATION_EXPORT_DEBUG === "1";
    this.#options = { url, key, pauseMs, debug };
    /** How many were acknowledged; refused, failed too often or pushed out; handed to the browser on leaving. */
    this.counts = { sent: 0, dropped: 0, beacons: 0 };
    if (this.on) addEventListener("pagehide", () => this.#leave(), { signal: this.#stop.signal });
  }

  /** Whether anything is sent at all. */
  get on() {
    return Boolean(this.#options.url);
  }

  /** How many wait, the one under way included. */
  get waiting() {
    return this.#waiting.length;
  }

  /** Put a snapshot into the queue and return at once; false when nothing is sent anywhere. */
  send(snapshot) {
    if (!this.on || this.#stop.signal.aborted) return false;
    this.#waiting.push({ body: JSON.stringify(snapshot) });
    if (this.#waiting.length > WAITING_MOST) {
      // The one under way is first; it may have arrived already, so the next oldest makes room.
      this.#waiting.splice(this.#sending ? 1 : 0, 1);
      this.#tell("dropped", "the queue is full");
    }
    this.flush();
    return true;
  }

  /** Resolves once nothing waits any more: all of it is acknowledged or dropped. */
  flush() {
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = null));
    return this.#sending;
  }

  /** Stop; what waits is handed to the browser as when the page goes. */
  close() {
    this.#leave();
    this.#stop.abort();
  }

  async #sendAll() {
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0];
      const [outcome, why] = await this.#deliver(first.body);
      if (this.#waiting[0] !== first) return; // the page went meanwhile, and a beacon took it
      this.#waiting.shift();
      this.#tell(outcome, why);
    }
  }

  async #deliver(body) {
    let why = "";
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const answer = await this.#attempt(body);
      why = answer.why;
      if (answer.status === 200 || answer.status === 201) return ["sent", why];
      if (answer.status && !TRY_AGAIN.has(answer.status)) break;
      if (attempt === ATTEMPTS || !this.#waiting.length) break;
      // Give or take a quarter, so that many pages do not come back together.
      const pause = this.#options.pauseMs * 2 ** (attempt - 1) * (0.75 + 0.5 * Math.random());
      await this.#pause(Math.min(Math.max(pause, answer.waitMs), LONGEST_PAUSE_MS));
    }
    return ["dropped", why];
  }

  async #attempt(body) {
    const headers = { "Content-Type": "application/json", "X-Prime-Fabric-Channel": CHANNEL };
    if (this.#options.key) headers.Authorization = `Bearer ${this.#options.key}`;
    try {
      const response = await fetch(this.#options.url, {
        method: "POST",
        body,
        headers,
        credentials: "omit",
        referrerPolicy: "no-referrer",
        redirect: "error",
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      const values = await response.json().catch(() => ({}));
      const waitMs = 1000 * (Number(response.headers.get("Retry-After")) || 0);
      return { status: response.status, why: String(values.receipt ?? values.error ?? ""), waitMs };
    } catch (error) {
      return { status: 0, why: String(error), waitMs: 0 };
    }
  }

  #pause(milliseconds) {
    const { signal } = this.#stop;
    return new Promise((done) => {
      if (signal.aborted) return done();
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
    });
  }

  #leave() {
    const url = new URL(this.#options.url, globalThis.location?.href);
    // A beacon has no headers, so the key goes in the address.
    if (this.#options.key) url.searchParams.set("key", this.#options.key);
    for (const { body } of this.#waiting.splice(0)) {
      const text = new Blob([body], { type: "text/plain" });
      const taken = text.size <= BEACON_BYTES && navigator.sendBeacon(url, text);
      this.#tell(taken ? "beacons" : "dropped", taken ? "on leaving" : "larger than the browser takes on leaving");
    }
  }

  #tell(outcome, why) {
    this.counts[outcome] += 1;
    if (this.#options.debug) console.debug(`snapshot: ${outcome}`, why);
  }
}
