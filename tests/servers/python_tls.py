"""A TLS server by Python's `ssl`, which is OpenSSL. It accepts WebSocket upgrades and sends nothing.

It prints its port, and then a report for each client: `open` after the upgrade, `refused` after a
handshake that failed. It ends with its standard input.
"""

import argparse
import base64
import hashlib
import json
import os
import socket
import ssl
import sys
import threading
import warnings

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LIFE_S = 10 * 60


def report(what, **fields):
    print(json.dumps({"report": what, **fields}), flush=True)


def exit_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


def context(options, names):
    warnings.simplefilter("ignore")  # TLS 1.1 is deprecated.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(options.chain, options.key)
    made.set_alpn_protocols(options.alpn.split(","))
    if options.version == "1.2":
        made.maximum_version = ssl.TLSVersion.TLSv1_2
    elif options.version == "1.1":
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_1
    if options.client_authority:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(options.client_authority)
    made.sni_callback = lambda _, name, __: names.append(name or "")
    return made


def subject(stream):
    fields = (stream.getpeercert() or {}).get("subject", ())
    return next((value for part in fields for name, value in part if name == "commonName"), "")


def accept(stream):
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            return False
        request += byte
    lines = request.split(b"\r\n")
    key = next(line for line in lines if line.lower().startswith(b"sec-websocket-key:"))
    accepted = base64.b64encode(hashlib.sha1(key.split(b":")[1].strip() + GUID).digest())
    stream.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
    )
    return True


def cut(plain, made):
    """Sends half of the first answer of the handshake, and ends the connection."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = made.wrap_bio(incoming, outgoing, server_side=True)
    while not outgoing.pending:
        incoming.write(plain.recv(65536))
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
    flight = outgoing.read()
    plain.sendall(flight[: len(flight) // 2])
    plain.shutdown(socket.SHUT_WR)
    # Unread bytes would make the kernel reset the connection.
    while plain.recv(4096):
        pass
    plain.close()


def serve(plain, made, names, options):
    plain.settimeout(LIFE_S)
    if options.cut:
        return cut(plain, made)
    try:
        with made.wrap_socket(plain, server_side=True) as stream:
            if accept(stream):
                report(
                    "open",
                    version=stream.version(),
                    alpn=stream.selected_alpn_protocol() or "",
                    resumed=str(stream.session_reused),
                    client=subject(stream),
                    name=names[-1] if names else "",
                )
                # It ends with the first frame of the client, for example a close frame.
                stream.recv(4096)
    except OSError as error:
        report("refused", reason=str(error))


def main():
    parser = argparse.ArgumentParser()
    for name in ("--chain", "--key", "--client-authority", "--alpn", "--version"):
        parser.add_argument(name)
    parser.add_argument("--cut", action="store_true")
    options = parser.parse_args()
    names = []
    made = context(options, names)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=exit_with_stdin, daemon=True).start()
    report("listening", port=listener.getsockname()[1])
    # One client after the other.
    while True:
        plain, _ = listener.accept()
        serve(plain, made, names, options)


main()
