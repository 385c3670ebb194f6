"""What can go wrong between a PACS and us, what we do about it, and which tests show it."""

from typing import NamedTuple

from studypub.errors import Sentence


class Fault(NamedTuple):
    """One row: what happens and what follows, and the names of the tests."""

    sentence: Sentence
    tests: tuple[str, ...]


FAULTS: dict[str, Fault] = {
    "F04": Fault(
        Sentence(
            "Процесс прервался посреди передачи: следующая попытка берёт уже принятые файлы, проверив каждый байт, и "
            "запрашивает только недостающие.",
            "The process ends in the middle of a transfer: the next attempt takes up the files that have arrived, "
            "every byte verified, and asks only for what is missing.",
        ),
        (
            "test_f04_a_daemon_that_is_killed_midway",
            "test_f04_a_daemon_that_ends_goes_on_where_it_was",
            "test_f04_what_has_arrived_is_not_fetched_again",
            "test_f04_what_nobody_needs_any_more_is_swept",
            "test_f04_what_is_not_what_was_received_is_dropped",
        ),
    ),
    "F31": Fault(
        Sentence(
            "PACS выключен, имя не находится, никто не отвечает: повтор с растущими паузами; в тексте — какой PACS и с "
            "какого времени молчит.",
            "The PACS is down, its name is unknown, nobody answers: tried again with growing pauses; the text names "
            "the PACS and since when it has been silent.",
        ),
        (
            "test_f31_a_pacs_that_is_down_is_named_and_since_when",
            "test_f31_an_outage_ends_with_an_answer",
            "test_f31_a_name_that_nobody_has",
            "test_f31_somebody_who_accepts_and_says_nothing",
            "test_f31_the_task_names_the_pacs_and_since_when",
        ),
    ),
    "F32": Fault(
        Sentence(
            "PACS отклоняет соединение: ошибка настройки не повторяется вслепую, перегрузка повторяется.",
            "The PACS rejects the association: a wrong setting is not tried again blindly, congestion is.",
        ),
        (
            "test_f32_a_rejection_is_judged_by_its_reason",
            "test_f32_what_is_a_matter_of_settings_is_not_tried_again",
        ),
    ),
    "F33": Fault(
        Sentence(
            "PACS не знает, куда передавать (0xA801, 0xC000 или обрыв): текст говорит, какой AE title "
            "зарегистрировать.",
            "The PACS does not know where to send (0xA801, 0xC000 or an abort): the text says which AE title to "
            "register.",
        ),
        (
            "test_f33_a_destination_that_the_pacs_does_not_know",
            "test_f33_a_no_that_stays_no",
            "test_f33_the_destination_is_unknown",
        ),
    ),
    "F34": Fault(
        Sentence(
            "PACS не может до нас дойти, что бы он ни отвечал: «0 из N» за ограниченное время.",
            "The PACS cannot reach us, whatever it answers: “0 of N” within a bounded time.",
        ),
        (
            "test_f34_nothing_arrives_and_the_pacs_does_not_complain",
            "test_f34_a_pacs_that_cannot_deliver_says_so",
            "test_f34_every_image_is_turned_away",
            "test_f34_the_way_to_us_is_closed",
        ),
    ),
    "F35": Fault(
        Sentence(
            "PACS сообщает об успехе раньше, чем передаёт: ждём, пока не придёт всё или не наступит тишина.",
            "The PACS reports success before it sends: we wait until all is here or nothing more comes.",
        ),
        (
            "test_f35_images_that_come_after_the_answer_are_waited_for",
            "test_f35_all_arrives_whenever_the_answer_comes",
        ),
    ),
    "F36": Fault(
        Sentence(
            "Пришло не всё: недостающее запрашивается ещё дважды, по сериям и снимкам; потом «k из N». Часть "
            "исследования не публикуется никогда.",
            "Not all has come: what is missing is asked for twice more, by series and by image; then “k of N”. A part "
            "of a study is never published.",
        ),
        (
            "test_f36_only_what_is_missing_is_asked_for_again",
            "test_f36_a_missing_series_is_asked_for_as_a_series",
            "test_f36_the_same_over_c_get",
            "test_f36_a_study_of_which_something_is_missing_is_none",
            "test_f36_a_pacs_that_counts_or_lists_badly",
            "test_f36_where_its_answers_differ_the_greater_number_counts",
            "test_f36_what_cannot_be_proven_whole_is_not_published",
            "test_f36_one_image_was_turned_away",
            "test_f36_one_image_could_not_be_handled",
            "test_f36_every_image_after_the_second_is_turned_away",
            "test_f36_a_study_that_it_does_not_have",
            "test_f36_a_partial_study_is_never_published",
            "test_f36_what_was_missing_has_come_at_last",
        ),
    ),
    "F37": Fault(
        Sentence(
            "Соединение обрывается посередине: принятое остаётся, запрашивается недостающее.",
            "The association breaks off midway: what has arrived stays, what is missing is asked for.",
        ),
        ("test_f37_what_came_before_an_abort_is_kept",),
    ),
    "F38": Fault(
        Sentence(
            "PACS замолкает или тянет: передача без нового снимка прерывается, у целого есть предел; медленная, но "
            "идущая передача — не сбой.",
            "The PACS falls silent or dawdles: a transfer without a new image is cut short, the whole has a limit; a "
            "slow one that goes on is no fault.",
        ),
        (
            "test_f38_a_transfer_that_stands_still_is_cut_short",
            "test_f38_the_same_image_again_and_again_is_no_progress",
            "test_f38_all_is_here_and_the_pacs_does_not_say_that_it_is_done",
            "test_f38_slow_is_no_fault",
            "test_f38_there_is_an_end_to_patience",
            "test_f38_a_search_has_an_end",
        ),
    ),
    "F39": Fault(
        Sentence(
            "Снимки приходят после срока или после публикации: они отклоняются, опубликованный архив не меняется.",
            "Images come after the deadline or after publication: they are refused, the published archive is "
            "unchanged.",
        ),
        ("test_f39_what_comes_too_late_is_refused", "test_f39_what_comes_after_publication_changes_nothing"),
    ),
    "F40": Fault(
        Sentence(
            "Один снимок дважды — это один снимок; два разных под одним идентификатором — отказ, решает человек.",
            "The same image twice is one; two different ones under one identifier are a failure that a person looks "
            "at.",
        ),
        (
            "test_f40_the_same_image_twice_is_one",
            "test_f40_two_images_under_one_name_are_a_conflict",
            "test_f40_a_conflict_is_for_people",
        ),
    ),
    "F41": Fault(
        Sentence(
            "Приходят снимки другого исследования: они отклоняются, считаются и записываются в журнал аудита.",
            "Images of another study come: they are refused, counted, and written into the audit log.",
        ),
        (
            "test_f41_another_study_is_refused_and_counted",
            "test_f41_another_study_instead",
            "test_f41_what_nobody_asked_for_is_in_the_audit_log",
        ),
    ),
    "F42": Fault(
        Sentence(
            "Одно исследование публикуют двое сразу: получают по очереди, у каждого своя верная ссылка.",
            "Two publish one study at once: they fetch it in turn, and each has a right link of its own.",
        ),
        ("test_f42_two_attempts_at_one_study_take_turns", "test_f42_two_clinics_publish_one_study_at_once"),
    ),
    "F43": Fault(
        Sentence(
            "Много исследований одного пациента сразу: ни один снимок не попадает в чужое.",
            "Many studies of one patient at once: no image gets into another's.",
        ),
        ("test_f43_many_studies_of_one_patient_at_once", "test_f43_eight_studies_of_one_patient_are_not_mixed"),
    ),
    "F44": Fault(
        Sentence(
            "PACS не называет инициатора передачи, держит одно соединение, присылает под другим AE title: всё равно "
            "верно.",
            "The PACS does not name the move's originator, keeps one association, sends under another AE title: right "
            "all the same.",
        ),
        ("test_f44_a_pacs_calls_us_in_its_own_way",),
    ),
    "F51": Fault(
        Sentence(
            "Исследование растёт, сливается или меняет пациента, пока его получают: список сверяется после передачи.",
            "The study grows, is merged or changes its patient while it is fetched: the list is looked at again after "
            "the transfer.",
        ),
        (
            "test_f51_what_is_added_meanwhile_is_fetched_too",
            "test_f51_a_study_that_keeps_growing_is_not_ready",
            "test_f51_a_study_that_is_merged_is_fetched_anew_under_its_new_name",
            "test_f51_what_is_deleted_meanwhile_is_left_out",
            "test_f51_a_study_that_becomes_another_patient_s",
        ),
    ),
    "F52": Fault(
        Sentence(
            "Под номером нет исследования, их несколько или оно чужое: ждём, спрашиваем или останавливаемся.",
            "No study has the number, several have it, or it is another patient's: we wait, ask, or stop.",
        ),
        (
            "test_f52_two_studies_of_one_number",
            "test_f52_names_in_any_spelling_do_not_stand_in_the_way",
            "test_f52_a_study_that_is_not_there_yet_is_waited_for",
            "test_f52_a_study_that_never_comes",
            "test_f52_several_studies_of_one_number",
        ),
    ),
    "X14": Fault(
        Sentence(
            "МИС присылает вместо номера шаблон, пустое или слишком длинное значение: запрос отклоняется с именем "
            "поля.",
            "The MIS sends a pattern, nothing or too much for a number: the request is refused, and the field is "
            "named.",
        ),
        ("test_x14_a_wrong_field_is_refused_by_name",),
    ),
    "X15": Fault(
        Sentence(
            "Номер верен, пациент другой: ничего не получаем и не публикуем.",
            "The number is right, the patient is another: nothing is fetched, nothing is published.",
        ),
        (
            "test_x15_only_the_patient_asked_for",
            "test_x15_another_patient_s_study",
            "test_x15_an_instance_of_another_patient_in_the_study",
        ),
    ),
    "X16": Fault(
        Sentence(
            "PACS отвечает без конца, о других исследованиях, пустым номером или шаблоном, путём вместо "
            "идентификатора: ответы ограничены, сверены точно и проверены.",
            "The PACS answers without end, about other studies, with no number or a pattern, with a path for an "
            "identifier: answers are capped, compared exactly and validated.",
        ),
        (
            "test_x16_answers_about_others_are_dropped",
            "test_x16_only_the_exact_number_is_an_answer",
            "test_x16_an_identifier_that_is_none",
            "test_x16_rows_without_number",
        ),
    ),
}
