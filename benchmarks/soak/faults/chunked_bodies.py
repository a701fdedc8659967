"""Bodies in chunks of 1, 1,024 and 8,192 bytes: what they cost grows with the body and not with its
square, and the others are answered meanwhile (H1)."""

from threading import Thread

from benchmarks.served import free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.probes import Spent, probe
from benchmarks.soak.traffic import Visits
from benchmarks.soak.wire import connected, head, status_of

SIZES = {1: 100_000, 1_024: 2_000_000, 8_192: 2_000_000}  # of a chunk, of a body
TIMES = 4
MIN_SECONDS = 0.1  # of CPU time, below which it says little
GROWTH = 2.5  # of the cost of a byte; with the square it would be TIMES
CLIENTS = 4


def check(visits: Visits, seconds: float) -> str:
    """``seconds`` is how long the others go on at least."""
    port, costs = free_port(), []
    with running(service_command(port), port, CDS_WORKERS="1") as server:
        for size, total in SIZES.items():
            small, large = (_cost(server, visits.path, size, n) for n in (total, total * TIMES))
            limit = GROWTH * TIMES * max(small, MIN_SECONDS)
            expect(large < limit, f"chunks of {size}: {small:.2f} s, then {large:.2f} s of CPU")
            costs.append(f"{size}: {large:.2f} s")
        threads = [
            Thread(target=_send, args=(port, visits.path, 1, SIZES[1])) for _ in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        slowest = probe(port, seconds)
        for thread in threads:
            thread.join()
    return f"CPU by size of chunks: {', '.join(costs)}; probes within {slowest:.2f} s"


def _cost(server, path: str, size: int, total: int) -> float:
    spent = Spent(server)
    _send(server.port, path, size, total)
    return spent.seconds()


def _send(port: int, path: str, size: int, total: int) -> None:
    with connected(port) as connection:
        connection.sendall(head(path, None))
        connection.sendall(b"%x\r\n%s\r\n" % (size, b"x" * size) * (total // size) + b"0\r\n\r\n")
        status = status_of(connection)
    expect(status == 400, f"a body of no JSON was answered with {status}")
