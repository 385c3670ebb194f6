"""Whether the configuration can be used, and is the one that the running daemon uses."""

from studypub.errors import Sentence
from studypub.flows.examine.finding import failed, passed, warned

READ = passed("CONFIG_READ", "Настройки прочитаны.", "The configuration can be used.")
CHANGED = warned(
    "CONFIG_CHANGED",
    Sentence(
        "Работающая служба запущена с другими настройками, чем те, что проверяются.",
        "The running service was started with another configuration than the one that is examined.",
    ),
    Sentence(
        "Перезапустите её: systemctl restart studypub; или укажите её файл: --config FILE.",
        "Restart it: systemctl restart studypub; or name its file: --config FILE.",
    ),
)
LATE = failed(
    "CHECK_LATE",
    Sentence(
        "Проверка не закончилась за {seconds:.0f} с.",
        "A check did not end within {seconds:.0f} s.",
    ),
    Sentence(
        "Посмотрите, не зависла ли сеть или хранилище; studypub doctor на сервере ждёт дольше.",
        "See whether the network or the storage hangs; studypub doctor on the machine itself waits longer.",
    ),
)
