text = b"hello\n"
