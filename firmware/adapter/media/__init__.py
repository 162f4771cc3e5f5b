"""Speech on its way: codecs, RTP, what is lost of it and how well it is heard."""
