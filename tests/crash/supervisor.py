"""Keeps a listening socket open and starts the server on it again whenever it ends, as systemd does with a socket unit.

supervisor.py PORT PIDFILE COMMAND...      ends by SIGTERM, and the server with it
"""
import os
import signal
import socket
import sys
import time

LIVES_MAX = 10  # too short ones in a row: it will not do
SHORT_S = 0.1
LISTEN_FDS_START = 3


def hand_over(sock):
    os.dup2(sock.fileno(), LISTEN_FDS_START)
    os.set_inheritable(LISTEN_FDS_START, True)  # it may have been that one already


def spawn(command):
    pid = os.fork()
    if pid == 0:
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    return pid


def main():
    port, pidfile, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(1024)
    hand_over(sock)
    child = 0

    def stop(*_):
        if child:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    short = 0
    while short < LIVES_MAX:
        began = time.monotonic()
        child = spawn(command)
        with open(pidfile + ".new", "w", encoding="ascii") as f:
            f.write(str(child))
        os.replace(pidfile + ".new", pidfile)
        os.waitpid(child, 0)
        short = short + 1 if time.monotonic() - began < SHORT_S else 0


if __name__ == "__main__":
    main()
