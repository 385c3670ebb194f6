"""How it is with the machines that share the database."""

from studypub.errors import Sentence
from studypub.flows.examine.finding import passed, warned

WORKS = passed(
    "MACHINE_WORKS",
    "Машина {name} ({ae_title}, studypub {version}) работает.",
    "Machine {name} ({ae_title}, studypub {version}) works.",
)
ON_DUTY = passed(
    "MACHINE_ON_DUTY",
    "Машина {name} ({ae_title}, studypub {version}) работает и дежурит: удаляет, у чего истёк срок, делает копии, шлёт "
    "письма.",
    "Machine {name} ({ae_title}, studypub {version}) works and is on duty: it deletes what has expired, makes backups, "
    "sends mails.",
)
STOPPED = passed(
    "MACHINE_STOPPED",
    "Машина {name} ({ae_title}) остановлена, {hours:.0f} ч назад.",
    "Machine {name} ({ae_title}) was stopped, {hours:.0f} h ago.",
)
SILENT = warned(
    "MACHINE_SILENT",
    Sentence(
        "Машина {name} ({ae_title}) молчит {minutes:.0f} мин.",
        "Machine {name} ({ae_title}) has been silent for {minutes:.0f} min.",
    ),
    Sentence(
        "Запустите studypub на ней. Если её больше нет, ничего не делайте: через месяц она забудется.",
        "Start studypub there. If it is no more, do nothing: it is forgotten in a month.",
    ),
)
WAITS = warned(
    "MACHINE_WAITS",
    Sentence(
        "Машина {name} ({ae_title}) не берёт заданий. {said_ru}",
        "Machine {name} ({ae_title}) takes no tasks. {said_en}",
    ),
    Sentence("Запустите studypub doctor на ней.", "Run studypub doctor there."),
)
OTHER_SETTINGS = warned(
    "MACHINE_OTHER_SETTINGS",
    Sentence(
        "У машины {name} ({ae_title}) другие настройки, чем у этой: {sections}.",
        "Machine {name} ({ae_title}) has other settings than this one: {sections}.",
    ),
    Sentence(
        "Сделайте эти разделы config.toml одинаковыми и перезапустите studypub: как публикуется исследование, не "
        "должно зависеть от того, кто взял задание.",
        "Make these sections of config.toml the same, and restart studypub: how a study is published must not depend "
        "on who takes the task.",
    ),
)
