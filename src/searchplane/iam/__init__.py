"""Who is asking: passwords, keys, tokens, and what a token stands for right now."""
