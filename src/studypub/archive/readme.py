"""What `README.txt` tells the person who unpacked an archive, in Russian and in English."""

import codecs
from typing import Final

from studypub.core.archive_format import ArchiveFormat
from studypub.errors import Sentence

_RUSSIAN = """\
МЕДИЦИНСКИЕ СНИМКИ (DICOM)

Что это
  В этом архиве медицинское исследование: снимки в формате DICOM, в котором
  их создают томографы, рентгеновские и ультразвуковые аппараты. Снимки
  обезличены: имя, дата рождения, номера документов и другие сведения,
  по которым можно узнать пациента, из файлов удалены.

Как открыть
  Обычный просмотрщик картинок эти файлы не откроет: нужна программа
  для просмотра DICOM («DICOM viewer»). Есть и бесплатные.
{how}
Что внутри
{inside}
Врачу
  Набор файлов записан по DICOM PS3.10 и обезличен по DICOM PS3.15,
  приложение E. Имя, номер пациента и все UID заменены.
"""

_RUSSIAN_PART = """\

Здесь не всё исследование
  Часть его в архив не вошла: её не удалось получить или обезличить.
  Она осталась в клинике. Скажите об этом врачу, который смотрит снимки.
"""

_ENGLISH = """\
MEDICAL IMAGES (DICOM)

What this is
  This archive holds a medical imaging study: images in the DICOM format,
  in which scanners, X-ray and ultrasound machines make them. The images are
  de-identified: the name, the date of birth, document numbers and whatever
  else tells who the patient is were removed from the files.

How to open it
  An ordinary picture viewer does not open these files: you need a DICOM
  viewer. Some are free.
{how}
What is inside
{inside}
To the doctor
  The file-set follows DICOM PS3.10 and is de-identified to DICOM PS3.15,
  Annex E. The patient's name and ID and all UIDs were replaced.
"""

_ENGLISH_PART = """\

This is not the whole study
  A part of it is not in the archive: it could not be obtained, or not be
  de-identified. The clinic has it. Tell the doctor who reads the images.
"""

_HOW: Final = {
    ArchiveFormat.ZIP: Sentence(
        """\
  Сначала распакуйте архив целиком, не меняя имён файлов и папок.

  Windows   Щёлкните по архиву правой кнопкой, выберите «Извлечь все».
            В программе просмотра откройте файл DICOMDIR или папку DICOM.
  Mac       Щёлкните по архиву дважды: рядом появится папка. В программе
            просмотра откройте файл DICOMDIR или папку DICOM.
  iPhone,   Установите из App Store приложение для просмотра DICOM.
  iPad      В приложении «Файлы» нажмите на архив, чтобы распаковать его,
            и откройте папку DICOM в этом приложении. Многие приложения
            открывают и сам архив: «Поделиться», затем имя приложения.
  Android   Установите приложение для просмотра DICOM из магазина
            приложений, распакуйте архив в приложении «Файлы» и откройте
            папку DICOM; многие приложения открывают и сам архив.
""",
        """\
  First unpack the whole archive, and do not rename its files and folders.

  Windows   Right-click the archive and choose "Extract All". In the viewer
            open the file DICOMDIR or the folder DICOM.
  Mac       Double-click the archive: a folder appears beside it. In the
            viewer open the file DICOMDIR or the folder DICOM.
  iPhone,   Install a DICOM viewer from the App Store. Tap the archive in
  iPad      the Files app to unpack it, and open the folder DICOM in the
            viewer. Many viewers open the archive itself: "Share", then
            the viewer's name.
  Android   Install a DICOM viewer from your app store, unpack the archive
            in the Files app and open the folder DICOM; many viewers open
            the archive itself.
""",
    ),
    ArchiveFormat.TAR_ZST: Sentence(
        """\
  Распакуйте архив целиком, не меняя имён файлов и папок, и откройте
  в программе просмотра файл DICOMDIR или папку DICOM.
""",
        """\
  Unpack the whole archive, do not rename its files and folders, and open
  the file DICOMDIR or the folder DICOM in the viewer.
""",
    ),
    ArchiveFormat.ISO: Sentence(
        """\
  Откройте в программе просмотра файл DICOMDIR или папку DICOM
  на этом диске.
""",
        """\
  Open the file DICOMDIR or the folder DICOM of this disc in the viewer.
""",
    ),
}
_INSIDE: Final = Sentence(
    """\
  DICOMDIR  оглавление, его читает программа просмотра
  DICOM     сами снимки
""",
    """\
  DICOMDIR  the table of contents, which the viewer reads
  DICOM     the images
""",
)
_START_PAGE: Final = Sentence(
    """\
  INDEX.HTM уменьшенные картинки: откройте в браузере, программа не нужна
""",
    """\
  INDEX.HTM small pictures: open it in a browser, no viewer is needed
""",
)


def readme(form: ArchiveFormat = ArchiveFormat.ZIP, *, whole: bool, start_page: bool = False) -> bytes:
    """Return the text as the plainest editors read it right: a byte order mark, and line ends of Windows.

    `whole`: whether the archive holds all of the study; the text says so where it does not.
    `start_page`: whether it holds a page that shows them.
    """
    how = _HOW[form]
    page = _START_PAGE if start_page else Sentence("", "")
    russian = _RUSSIAN.format(how=how.ru, inside=_INSIDE.ru + page.ru)
    english = _ENGLISH.format(how=how.en, inside=_INSIDE.en + page.en)
    if not whole:
        russian, english = russian + _RUSSIAN_PART, english + _ENGLISH_PART
    text = f"{russian}\n\n{english}"
    return codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode()
