"""What happens at each fault of the queue, the database, the disk, the clock and the store, and which test shows it."""

FAULTS: dict[str, tuple[str, str]] = {
    "F01": (
        "Killed after the request was queued and before it was answered: the MIS asks again and gets the same task.",
        "test_f01_a_kill_before_the_answer_leaves_one_task",
    ),
    "F02": (
        "Killed right after the claim: the next start takes the task back at once; others wait for its lease (20 s).",
        "test_f02_to_f09_a_kill_at_any_stage_is_made_good_at_the_next_start",
    ),
    "F03": (
        "Killed while it looks in the PACS: the task begins anew.",
        "test_f02_to_f09_a_kill_at_any_stage_is_made_good_at_the_next_start",
    ),
    "F04": (
        "Killed while images arrive: the study is fetched anew, and published whole.",
        "test_f02_to_f09_a_kill_at_any_stage_is_made_good_at_the_next_start",
    ),
    "F05": (
        "Killed while it de-identifies: nothing half is seen, the spool is emptied.",
        "test_f02_to_f09_a_kill_at_any_stage_is_made_good_at_the_next_start",
    ),
    "F06": (
        "Killed while it packs: a partial archive is never sent.",
        "test_f02_to_f09_a_kill_at_any_stage_is_made_good_at_the_next_start",
    ),
    "F07": (
        "Killed while it uploads: the next attempt stores the archive; unfinished uploads and probes are swept away.",
        "test_f07_an_upload_that_nobody_aborted_is_swept_away",
    ),
    "F08": (
        "Killed after the upload and before the commit: one link; the other object is collected.",
        "test_f08_what_an_attempt_that_died_had_stored_is_collected",
    ),
    "F10": (
        "Killed in retention: the link is closed, the next sweep does the rest; a tombstone and one audit entry stay.",
        "test_f10_a_kill_in_retention_is_made_good",
    ),
    "F11": (
        "Random faults and kills for as long as one likes: nothing is lost, doubled, half published or left behind.",
        "test_f11_after_a_storm_everything_holds",
    ),
    "F12": (
        "SIGTERM: nothing more is claimed at once; what runs ends within 15 s or goes back without costing an attempt.",
        "test_f12_sigterm_lets_what_runs_come_to_its_end_and_claims_nothing_more",
    ),
    "F13": (
        "SIGTERM twice: it hurries. While it waits for the database or migrates: it ends, the schema is the old one.",
        "test_f13_a_signal_during_a_migration_ends_it_and_leaves_the_old_schema",
    ),
    "F14": (
        "Halted for longer than its lease, it wakes and can publish nothing: the lease's token is another's.",
        "test_f14_a_zombie_cannot_publish",
    ),
    "F15": (
        "The event loop is blocked: systemd hears nothing more and restarts the daemon, and the task goes on.",
        "test_f15_a_blocked_loop_gives_no_sign_of_life_and_after_the_restart_the_task_goes_on",
    ),
    "F16": (
        "The listener dies: /readyz says so, and the signs of life end.",
        "test_f16_a_listener_that_has_died_is_told_and_ends_the_signs_of_life",
    ),
    "F17": (
        "The lease cannot be extended: the work stops when a third of it is left, and the task goes back.",
        "test_f17_a_worker_that_cannot_keep_its_lease_stops_before_it_ends",
    ),
    "F18": (
        "A second daemon on the folder says so and leaves; two on one database do each task once.",
        "test_f18_two_daemons_on_one_database_do_each_task_once",
    ),
    "F19": (
        "PostgreSQL is stopped: the daemon lives, /readyz and a 503 say so, and it is used again within seconds.",
        "test_f19_a_database_that_is_stopped_is_told_waited_for_and_used_again_at_once",
    ),
    "F20": (
        "PostgreSQL restarts in the middle of a task: the outcome waits for it.",
        "test_f20_a_restart_of_the_database_in_the_middle_costs_no_more_than_an_attempt",
    ),
    "F21": (
        "PostgreSQL crashes: every task that was acknowledged is there; a server that may lose commits is refused.",
        "test_f21_what_was_acknowledged_outlives_a_crash_of_the_database",
    ),
    "F22": (
        "Every connection is ended again and again: new ones are made, listening begins anew.",
        "test_f22_every_connection_is_ended_again_and_again",
    ),
    "F23": (
        "Connections stay open and say nothing: they are given up, polling finds the task.",
        "test_f23_connections_that_fell_silent_are_given_up_and_polling_finds_the_task",
    ),
    "F24": (
        "The pool is exhausted: 503 with Retry-After 2 within 2 s; workers have a pool of their own.",
        "test_f24_an_exhausted_pool_says_come_again_soon_and_workers_have_their_own",
    ),
    "F25": (
        "PostgreSQL is read-only: nothing is acknowledged, and the work resumes by itself.",
        "test_f25_a_database_that_is_read_only_acknowledges_nothing_and_the_work_resumes",
    ),
    "F26": (
        "A deadlock or a serialization failure: done again up to five times, with pauses that differ.",
        "test_f26_one_of_two_that_stand_in_each_others_way_is_done_again",
    ),
    "F27": (
        "A forgotten transaction while 20,000 tasks flow: claims stay below 50 ms, the table below 64 MB.",
        "test_f27_claims_stay_quick_behind_an_old_transaction",
    ),
    "F28": (
        "The daemon's clock is a day off: leases, pauses and dates go by the database's.",
        "test_f28_f29_a_wrong_clock_and_another_zone_change_nothing",
    ),
    "F29": (
        "Another time zone: studies are kept to the exact instant.",
        "test_f28_f29_a_wrong_clock_and_another_zone_change_nothing",
    ),
    "F30": (
        "Down for three days: what fell due is done once at the start, also by two daemons at once.",
        "test_f30_what_fell_due_while_the_daemon_was_down_is_done_once_by_two_that_start_at_once",
    ),
    "F45": (
        "The disk fills while a study arrives: it is given up without a trace and tried again when there is room.",
        "test_f45_a_disk_that_fills_while_a_study_arrives_is_waited_out",
    ),
    "F46": (
        "Less than least_free_mb of disk: nothing is begun; /readyz and the queue say so.",
        "test_f46_below_the_watermark_nothing_is_begun_and_everybody_is_told",
    ),
    "F47": (
        "The spool's folder is gone or cannot be used: nothing is begun until it can.",
        "test_f46_the_spool_that_is_gone_holds_the_queue",
    ),
    "F53": (
        "The store is busy: asked again with growing pauses; no object twice.",
        "test_f53_a_busy_server_is_asked_again",
    ),
    "F54": (
        "The store accepts and keeps silent: given up within a minute.",
        "test_f54_a_silent_server_is_given_up",
    ),
    "F55": (
        "A connection to the store is cut in the middle of a part: the part is sent again, the whole is verified.",
        "test_f55_a_part_that_is_cut_off_is_sent_again",
    ),
    "F56": (
        "The store refuses us: the queue waits and says why; no attempt is used up.",
        "test_f56_a_store_that_refuses_us_pauses_the_queue_and_loses_nothing",
    ),
    "F57": (
        "The store keeps other bytes than it was sent: no link is given out.",
        "test_f57_what_is_stored_wrong_is_never_linked",
    ),
    "F58": (
        "The bucket is public: nothing is sent there, and everybody is told, until it is closed.",
        "test_f58_nothing_is_published_into_a_public_bucket_until_it_is_closed",
    ),
    "F60": (
        "Killed in a migration: the schema is the old one, and the next start migrates.",
        "test_f60_a_kill_during_a_migration_leaves_the_old_schema_and_the_next_start_migrates",
    ),
    "F64": (
        "A task that kills its process is set aside after three deaths; of suspects only one runs at a time.",
        "test_f64_a_task_that_kills_its_process_is_set_aside_and_others_go_on",
    ),
    "F68": (
        "Nobody takes the log: lines are dropped and counted, and nothing waits for it.",
        "test_f68_a_log_that_nobody_takes_holds_nothing_up",
    ),
    "F70": (
        "The configuration cannot be used: one line that names the key, exit status 78, no restart.",
        "test_bad_input_is_told_in_a_line_and_never_as_a_traceback",
    ),
}
