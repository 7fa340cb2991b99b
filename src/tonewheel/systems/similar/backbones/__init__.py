"""What turns sound into vectors, behind one interface: hand-made, our encoder, OpenL3, and heads on them."""
