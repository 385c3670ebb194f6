"""What can go wrong, and what happens then; each row's tests bear its name: `pytest -k f14`."""

FAULTS: dict[str, str] = {
    "F01": "Killed after the request was queued and before it was answered: the MIS asks again and gets the same task.",
    "F02": (
        "Killed right after the claim: the next start takes the task back at once; others wait for its lease (20 s)."
    ),
    "F03": "Killed while it looks in the PACS: the task begins anew.",
    "F04": (
        "The process ends in the middle of a transfer: the next attempt takes up the files that have arrived, "
        "every byte verified, and asks only for what is missing."
    ),
    "F05": "Killed while it de-identifies: nothing half is seen, the spool is emptied.",
    "F06": "Killed while it packs, and sends what is packed: a partial archive is never an object.",
    "F07": (
        "Killed while it uploads: the next attempt stores the archive; unfinished uploads and probes are swept away."
    ),
    "F08": "Killed after the upload and before the commit: one link; the other object is collected.",
    "F09": "Killed right after the link went live: the task is completed, and nothing is done twice.",
    "F10": (
        "Killed in retention: the link is closed, the next sweep does the rest; a tombstone and one audit entry stay."
    ),
    "F11": "Random faults and kills for as long as one likes: nothing is lost, doubled, half published or left behind.",
    "F12": (
        "SIGTERM: nothing more is claimed at once; what runs ends within 15 s or goes back without costing an attempt."
    ),
    "F13": (
        "SIGTERM twice: it hurries. While it waits for the database or migrates: it ends, the schema is the old one."
    ),
    "F14": "Halted for longer than its lease, it wakes and can publish nothing: the lease's token is another's.",
    "F15": "The event loop is blocked: systemd hears nothing more and restarts the daemon, and the task goes on.",
    "F16": "The listener dies: /readyz says so, and the signs of life end.",
    "F17": "The lease cannot be extended: the work stops when a third of it is left, and the task goes back.",
    "F18": "A second daemon on the folder says so and leaves; two on one database do each task once.",
    "F19": "PostgreSQL is stopped: the daemon lives, /readyz and a 503 say so, and it is used again within seconds.",
    "F20": "PostgreSQL restarts in the middle of a task: the outcome waits for it.",
    "F21": "PostgreSQL crashes: every task that was acknowledged is there; a server that may lose commits is refused.",
    "F22": "Every connection is ended again and again: new ones are made, listening begins anew.",
    "F23": "Connections stay open and say nothing: they are given up, polling finds the task.",
    "F24": "The pool is exhausted: 503 with Retry-After 2 within 2 s; workers have a pool of their own.",
    "F25": "PostgreSQL is read-only: nothing is acknowledged, and the work resumes by itself.",
    "F26": "A deadlock or a serialization failure: done again up to five times, with pauses that differ.",
    "F27": "A forgotten transaction while 20,000 tasks flow: a claim looks at few rows, the table stays below 64 MB.",
    "F28": (
        "The daemon's clock is a day off, or is set while it works: leases, pauses and dates go by the database's; "
        "associations last and end as they should, housekeeping goes on."
    ),
    "F29": "Another time zone: studies are kept to the exact instant.",
    "F30": "Down for three days: what fell due is done once at the start, also by two daemons at once.",
    "F31": (
        "The PACS is down, its name is unknown, nobody answers: its tasks wait, for a day at most; text and queue name "
        "the PACS and since when it has been silent."
    ),
    "F32": (
        "The PACS rejects the association: a wrong setting is not tried again blindly. One that is down or full is "
        "asked every 15 s, and not by its tasks: they use up no attempt, hold up nobody, and go on once it answers."
    ),
    "F33": (
        "The PACS does not know where to send (0xA801, 0xC000 or an abort): the text says which AE title to register."
    ),
    "F34": "The PACS cannot reach us, whatever it answers: “0 of N” within a bounded time.",
    "F35": "The PACS reports success before it sends: we wait until all is here or nothing more comes.",
    "F36": (
        "Not all has come: what is missing is asked for twice more, by series and by image; then “k of N”. A "
        "part of a study is never published."
    ),
    "F37": "The association breaks off midway: what has arrived stays, what is missing is asked for.",
    "F38": (
        "The PACS falls silent or dawdles: a transfer without a new image is cut short, the whole has a limit; a "
        "slow one that goes on is no fault."
    ),
    "F39": "Images come after the deadline or after publication: they are refused, the published archive is unchanged.",
    "F40": "The same image twice is one; two different ones under one identifier are a failure that a person looks at.",
    "F41": (
        "Images of another study come, or from the PACS of another clinic: they are refused, counted, and written into "
        "the audit log."
    ),
    "F42": "Two publish one study at once: they fetch it in turn, and each has a right link of its own.",
    "F43": "Many studies of one patient at once: no image gets into another's.",
    "F44": (
        "The PACS does not name the move's originator, keeps one association, sends from another address or under "
        "another AE title that its clinic's section names: right all the same."
    ),
    "F45": "The disk fills while a study arrives: it is given up without a trace and tried again when there is room.",
    "F46": "Less than least_free_mb of disk: nothing is begun; /readyz and the queue say so.",
    "F47": "The spool's folder is gone or cannot be used: nothing is begun until it can.",
    "F49": "The PACS offers 128 contexts, or any length of PDU: it is served, and what holds nothing hangs nobody.",
    "F50": (
        "A study of 10,000 images, an image of 2 GB: received by C-MOVE and C-GET, and prepared, block by block; the "
        "daemon stays below 300 MB."
    ),
    "F51": (
        "The study grows, is merged or changes its patient while it is fetched: the list is looked at again "
        "after the transfer."
    ),
    "F52": "No study has the number, several have it, or it is another patient's: we wait, ask, or stop.",
    "F53": "The store is busy: asked again with growing pauses; no object twice.",
    "F54": "The store accepts and keeps silent: given up within a minute.",
    "F55": "A connection to the store is cut in the middle of a part: the part is sent again, the whole is verified.",
    "F56": "The store refuses us: the queue waits and says why; no attempt is used up.",
    "F57": "The store keeps other bytes than it was sent: no link is given out.",
    "F58": "The bucket is public: nothing is sent there, and everybody is told, until it is closed.",
    "F59": (
        "PostgreSQL, PACS and storage fall silent at once: nothing is acknowledged meanwhile, and once they are back "
        "all goes on by itself within a minute."
    ),
    "F60": "Killed in a migration: the schema is the old one, and the next start migrates.",
    "F61": (
        "Restarts while studies are asked for: no task that was acknowledged is lost, no link is doubled, no attempt "
        "is used up."
    ),
    "F64": "A task that kills its process is set aside after three deaths; of suspects only one runs at a time.",
    "F65": (
        "Memory runs out: the kernel ends the process, or it ends itself where none is given to a task; the next start "
        "takes the task up, and sets it aside after three deaths."
    ),
    "F66": "Hundreds of health checks, aborts and rejections: threads, files and memory are what they were.",
    "F68": "Nobody takes the log: lines are dropped and counted, and nothing waits for it.",
    "F70": "The configuration cannot be used: one line that names the key, exit status 78, no restart.",
    "X01": "A PDU of 4 GiB is announced: the connection is closed at its header.",
    "X02": "Idle or foreign connections: strangers are turned away at accept, one address cannot starve another.",
    "X03": "A connection that trickles or falls silent: each step has its deadline.",
    "X04": "Odd AE titles: no association, one line in the log a minute; /metrics counts them, and refused images.",
    "X05": "Other messages than C-ECHO and C-STORE: the association ends.",
    "X07": "Nesting without end, millions of tiny elements, lying lengths: refused in bounded time and memory.",
    "X08": "Hostile UIDs: refused; the names of files are numbers of ours.",
    "X09": "Command and data set disagree about what they are: refused.",
    "X10": "A preamble that is a program: a new one is written.",
    "X14": "The MIS sends a pattern, nothing or too much for a number: the request is refused, and the field is named.",
    "X15": "The number is right, the patient is another: nothing is fetched, nothing is published.",
    "X16": (
        "The PACS answers without end, about other studies, with no number or a pattern, with a path for an "
        "identifier: answers are capped, compared exactly and validated."
    ),
    "X47": "Any bytes at all: the listener answers afterwards, and nothing is left of them.",
}
