"""Old recordings without their clicks, crackle, hiss and hum, and with all of their music."""
