import socket
import sys

import lib.answer

config = dict(line.split() for line in open(sys.argv[1].removeprefix("--config=")))
server = socket.create_server(("", int(config["port"])), backlog=5)
while True:
    connection, _ = server.accept()
    connection.sendall(lib.answer.text)
    connection.close()
