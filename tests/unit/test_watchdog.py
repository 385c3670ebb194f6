"""Signs of life: whoever gives them never waits for whoever is to hear them."""

import socket
import threading
from pathlib import Path

from studypub.worker.watchdog import notify


def test_f15_a_systemd_that_does_not_listen_holds_nothing_up(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(address)

        def say_often() -> None:
            for _ in range(1000):  # more than the system keeps
                notify({"NOTIFY_SOCKET": address}, "WATCHDOG=1")

        saying = threading.Thread(target=say_often, daemon=True)
        saying.start()
        saying.join(10)
        assert not saying.is_alive()
        assert deaf.recv(100) == b"WATCHDOG=1"
