"""Why an instance is left out of a publication."""

from enum import Enum

from studypub.errors import Sentence


class Reason(Enum):
    """The reason's code for programs; `sentence` for people."""

    NOT_DICOM = "not_dicom"
    BROKEN = "broken"
    UNKNOWN_SOP_CLASS = "unknown_sop_class"
    UNSUPPORTED_CODING = "unsupported_coding"
    STRUCTURED_REPORT = "structured_report"
    KEY_OBJECT = "key_object"
    PRESENTATION_STATE = "presentation_state"
    ENCAPSULATED_DOCUMENT = "encapsulated_document"
    WAVEFORM = "waveform"
    RAW_DATA = "raw_data"
    MEDIA_DIRECTORY = "media_directory"
    NO_PIXELS = "no_pixels"
    SECONDARY_CAPTURE = "secondary_capture"
    ULTRASOUND = "ultrasound"
    PHOTOGRAPH = "photograph"
    FLUOROSCOPY = "fluoroscopy"
    BURNED_IN_ANNOTATION = "burned_in_annotation"
    RECOGNIZABLE_FEATURES = "recognizable_features"
    SCREEN_CAPTURE = "screen_capture"
    SUSPECT_IMAGE_TYPE = "suspect_image_type"
    PHI_SUSPECTED = "phi_suspected"
    TEXT_MAY_REMAIN = "text_may_remain"
    TEXT_NOT_READ = "text_not_read"
    FACE = "face"

    @property
    def sentence(self) -> Sentence:
        """What to tell a person."""
        return _SENTENCES[self]

    @property
    def policy(self) -> str | None:
        """Which of a clinic's choices about pixels decides what becomes of the image; None: it is always left out."""
        return _POLICIES.get(self)


_POLICIES = {
    Reason.ULTRASOUND: "ultrasound",
    Reason.FLUOROSCOPY: "fluoroscopy",
    Reason.SECONDARY_CAPTURE: "captures",
    Reason.SCREEN_CAPTURE: "captures",
    Reason.BURNED_IN_ANNOTATION: "captures",
    Reason.PHOTOGRAPH: "photographs",
    Reason.RECOGNIZABLE_FEATURES: "photographs",
    Reason.SUSPECT_IMAGE_TYPE: "unclear",
    Reason.FACE: "faces",
}

_SENTENCES = {
    Reason.NOT_DICOM: Sentence("Не файл DICOM", "Not a DICOM file"),
    Reason.BROKEN: Sentence("Повреждённый объект DICOM", "A damaged DICOM object"),
    Reason.UNKNOWN_SOP_CLASS: Sentence("Неизвестный класс SOP", "An unknown SOP class"),
    Reason.UNSUPPORTED_CODING: Sentence(
        "Кодирование изображения не поддерживается", "The coding of the image is not supported"
    ),
    Reason.STRUCTURED_REPORT: Sentence("Структурированный отчёт", "A structured report"),
    Reason.KEY_OBJECT: Sentence("Отбор ключевых изображений", "A key object selection"),
    Reason.PRESENTATION_STATE: Sentence("Состояние представления", "A presentation state"),
    Reason.ENCAPSULATED_DOCUMENT: Sentence("Вложенный документ", "An encapsulated document"),
    Reason.WAVEFORM: Sentence("Кривая или звук", "A waveform or sound"),
    Reason.RAW_DATA: Sentence("Сырые данные аппарата", "The device's raw data"),
    Reason.MEDIA_DIRECTORY: Sentence("Оглавление диска (DICOMDIR)", "A disc's directory (DICOMDIR)"),
    Reason.NO_PIXELS: Sentence("Объект без изображения", "An object without an image"),
    Reason.SECONDARY_CAPTURE: Sentence("Вторичный снимок экрана или документа", "A secondary capture"),
    Reason.ULTRASOUND: Sentence(
        "УЗИ: на кадрах обычно стоят данные пациента", "Ultrasound: frames usually show the patient's data"
    ),
    Reason.PHOTOGRAPH: Sentence("Фотография или видео", "A photograph or video"),
    Reason.FLUOROSCOPY: Sentence(
        "Рентгеноскопия или ангиография: на кадрах могут быть надписи",
        "Fluoroscopy or angiography: frames may show text",
    ),
    Reason.BURNED_IN_ANNOTATION: Sentence("Надписи на изображении", "Text burned into the image"),
    Reason.RECOGNIZABLE_FEATURES: Sentence("Узнаваемая внешность", "Recognizable visual features"),
    Reason.SCREEN_CAPTURE: Sentence("Снимок экрана под видом изображения", "A screen capture sent as an image"),
    Reason.PHI_SUSPECTED: Sentence(
        "В обработанном объекте нашлось то, что похоже на данные пациента",
        "Something in the processed object looks like the patient's data",
    ),
    Reason.TEXT_MAY_REMAIN: Sentence(
        "Надписи на изображении не удалось закрыть наверняка", "Text in the image could not be covered for certain"
    ),
    Reason.TEXT_NOT_READ: Sentence(
        "Надписи на изображении нечем прочитать: не установлен Tesseract с русским и английским языками",
        "Text in the image cannot be read: Tesseract with Russian and English is not installed",
    ),
    Reason.FACE: Sentence(
        "Срезы головы: по ним можно восстановить лицо", "Slices of a head, from which a face can be rebuilt"
    ),
    Reason.SUSPECT_IMAGE_TYPE: Sentence(
        "Вид изображения, на котором бывают надписи", "A kind of image that may carry text"
    ),
}
