"""Unique, realistic customers, made from nothing but a seed and a number.

The same seed, start and number give the same customer on every machine, so that two servers can
be given the same data, and a repeated run the same again.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks.addresses import account, did_of

DEFAULT_SEED: Final = 20_240_807
CREATED_BY: Final = "crm-migration"


class Origin(NamedTuple):
    """Where a customer is from; every given name comes with its Latin spelling for user names."""

    country: str
    locale: str
    zoneinfo: str
    women: tuple[tuple[str, str], ...]
    men: tuple[tuple[str, str], ...]
    families: tuple[str, ...]
    middles: tuple[str, ...]
    street: str
    family_first: bool = False


def _names(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``"花子=hanako Ana"``: a name that is Latin already needs no second spelling."""
    pairs = (word.partition("=") for word in text.split())
    return tuple((name, latin or name.lower()) for name, _, latin in pairs)


def _origin(head: str, women: str, men: str, families: str, middles: str, street: str) -> Origin:
    country, locale, zoneinfo, *order = head.split()
    return Origin(
        country,
        locale,
        zoneinfo,
        _names(women),
        _names(men),
        tuple(name.replace("_", " ") for name in families.split()),
        tuple(middles.split()),
        street,
        family_first=bool(order),
    )


_ORIGINS: Final = (
    _origin(
        "USA en-US America/New_York",
        "Olivia Emma Charlotte Amelia Grace Hannah",
        "Liam Noah James Henry Lucas Samuel",
        "Smith Johnson Williams O'Brien Garcia Washington",
        "Jane Marie Lee Ray",
        "{} Maple Avenue, Apt. 4B, Albany, NY 12207",
    ),
    _origin(
        "GBR en-GB Europe/London",
        "Isla Ava Poppy Freya Florence Matilda",
        "Oliver George Arthur Harry Alfie Edward",
        "Jones Taylor Fitzgerald Evans Okafor Walker",
        "Rose Mae Thomas John",
        "{} Station Road, Leeds LS1 4DY",
    ),
    _origin(
        "DEU de-DE Europe/Berlin",
        "Jördis=joerdis Anna Käthe=kaethe Sophie Frieda Lena",
        "Jörg=joerg Maximilian Günther=guenther Paul Felix Björn=bjoern",
        "Müller Schröder Weiß von_der_Heide Krüger Schäfer",
        "Maria Luise Karl Heinz",
        "Lange Straße {}, 10117 Berlin",
    ),
    _origin(
        "FRA fr-FR Europe/Paris",
        "Chloé=chloe Léa=lea Éloïse=eloise Camille Inès=ines Manon",
        "Gaël=gael Hugo Théo=theo François=francois Léon=leon Mathis",
        "Lefèvre Dubois Moreau Béranger Garnier de_la_Tour",
        "Anne Jeanne Pierre Luc",
        "{} rue des Écoles, 75005 Paris",
    ),
    _origin(
        "ESP es-ES Europe/Madrid",
        "Lucía=lucia Martina María=maria Begoña=begona Sofía=sofia Inés=ines",
        "Álvaro=alvaro José=jose Andrés=andres Hugo Íñigo=inigo Pablo",
        "García_López Muñoz Núñez Fernández Ibáñez Ortega",
        "del Carmen Luis Antonio",
        "Calle de Alcalá {}, 28009 Madrid",
    ),
    _origin(
        "BRA pt-BR America/Sao_Paulo",
        "Antônia=antonia Beatriz Júlia=julia Conceição=conceicao Larissa Laís=lais",
        "João=joao Antônio=antonio Davi Caetano Gonçalo=goncalo Mateus",
        "da_Silva Gonçalves Araújo dos_Santos Magalhães Ferreira",
        "Aparecida Helena Carlos Otávio",
        "Avenida Paulista {}, Bela Vista, São Paulo - SP",
    ),
    _origin(
        "POL pl-PL Europe/Warsaw",
        "Zofia Małgorzata=malgorzata Łucja=lucja Hanna Agnieszka Żaneta=zaneta",
        "Łukasz=lukasz Paweł=pawel Michał=michal Jakub Stanisław=stanislaw Jan",
        "Wójcik Zając Nowak Wróbel Gołąb Żak",
        "Maria Ewa Piotr Adam",
        "ul. Świętokrzyska {}, 00-049 Warszawa",
    ),
    _origin(
        "TUR tr-TR Europe/Istanbul",
        "Ayşe=ayse Zeynep Elif Gülşen=gulsen Çiğdem=cigdem Defne",
        "Oğuz=oguz Yiğit=yigit İbrahim=ibrahim Şükrü=sukru Emre Mert",
        "Yılmaz Öztürk Çelik Şahin Kaya Aydın",
        "Nur Naz Can Ali",
        "İstiklal Caddesi {}, Beyoğlu, İstanbul",
    ),
    _origin(
        "UKR uk-UA Europe/Kyiv",
        "Олена=olena Марія=mariia Соломія=solomiia Дарина=daryna",
        "Тарас=taras Андрій=andrii Богдан=bohdan Юрій=yurii",
        "Шевченко Коваленко Ткачук Бондаренко",
        "Ірина Іван",
        "вул. Хрещатик, {}, Київ",
    ),
    _origin(
        "GRC el-GR Europe/Athens",
        "Ελένη=eleni Μαρία=maria Αικατερίνη=katerina Ζωή=zoe",
        "Γιώργος=giorgos Νίκος=nikos Δημήτρης=dimitris Κώστας=kostas",
        "Παπαδόπουλος Οικονόμου Γεωργίου Νικολάου",
        "Άννα Ιωάννης",
        "Οδός Ερμού {}, Αθήνα",
    ),
    _origin(
        "JPN ja-JP Asia/Tokyo family-first",
        "花子=hanako 陽菜=hina 結衣=yui さくら=sakura 美咲=misaki",
        "太郎=taro 蓮=ren 大翔=hiroto 健=ken 悠真=yuma",
        "山田 佐藤 鈴木 高橋 渡辺",
        "",
        "東京都千代田区丸の内{}番地",
    ),
    _origin(
        "KOR ko-KR Asia/Seoul family-first",
        "서연=seoyeon 지우=jiwoo 하윤=hayun 민지=minji",
        "민준=minjun 서준=seojun 도윤=doyun 현우=hyunwoo",
        "김 이 박 최 정",
        "",
        "서울특별시 중구 세종대로 {}",
    ),
    _origin(
        "TWN zh-Hant-TW Asia/Taipei family-first",
        "怡君=yichun 淑芬=shufen 雅婷=yating 美玲=meiling",
        "志明=chihming 家豪=chiahao 俊傑=chunchieh 建宏=chienhung",
        "陳 林 黃 張 李",
        "",
        "臺北市信義區市府路{}號",
    ),
    _origin(
        "IND hi-IN Asia/Kolkata",
        "प्रिया=priya अनन्या=ananya दीपिका=deepika कविता=kavita",
        "अर्जुन=arjun रोहन=rohan विक्रम=vikram राहुल=rahul",
        "शर्मा वर्मा गुप्ता पटेल",
        "देवी कुमार",
        "{}, महात्मा गांधी मार्ग, नई दिल्ली",
    ),
    _origin(
        "EGY ar-EG Africa/Cairo",
        "فاطمة=fatma مريم=mariam نور=nour ياسمين=yasmin",
        "محمد=mohamed أحمد=ahmed عمر=omar يوسف=youssef",
        "حسن السيد إبراهيم المصري",
        "علي محمود",
        "{} شارع التحرير، القاهرة",
    ),
    _origin(
        "AFG fa-AF Asia/Kabul",
        "امینه=amina زهرا=zahra لیلا=laila پروین=parwin",
        "احمد=ahmad فرید=farid کریم=karim نجیب=najib",
        "کریمی احمدی رحیمی نوری",
        "جان گل",
        "{} سرک گل‌فروشی، کابل",
    ),
    _origin(
        "ISR he-IL Asia/Jerusalem",
        "נועה=noa תמר=tamar יעל=yael שירה=shira",
        "דוד=david יוסף=yosef איתן=eitan אורי=uri",
        "כהן לוי מזרחי פרידמן",
        "רות משה",
        "רחוב הרצל {}, תל אביב",
    ),
    _origin(
        "THA th-TH Asia/Bangkok",
        "สมหญิง=somying กัญญา=kanya มาลี=malee ดาว=dao",
        "สมชาย=somchai อนันต์=anan ธนา=thana วิชัย=wichai",
        "ใจดี ศรีสุข ทองดี บุญมา",
        "",
        "{} ถนนสุขุมวิท กรุงเทพฯ",
    ),
    _origin(
        "NGA en-NG Africa/Lagos",
        "Adéọlá=adeola Chidinma Ngozi Amaka Folaṣadé=folasade Zainab",
        "Emeka Olúwaṣeun=oluwaseun Ibrahim Tunde Chukwuemeka Musa",
        "Okonkwo Adéyẹmí Balogun Eze Danjuma Nwachukwu",
        "Ifeoma Kehinde Taiwo Obi",
        "{} Awolowo Road, Ikoyi, Lagos",
    ),
    _origin(
        "XKX sq-XK Europe/Belgrade",
        "Arbëresha=arberesha Vjosa Blerta Teuta Drita Rrezarta",
        "Agim Besnik Driton Ilir Lulëzim=lulezim Valdrin",
        "Krasniqi Gashi Berisha Hoxha Shala Morina",
        "Ardian Flutura",
        "Rruga Nënë Tereza {}, Prishtinë",
    ),
)

_encode: Final = msgspec.json.Encoder().encode


def _claims(unique: str, raw: bytes) -> dict[str, str]:
    """The claims of one person, every choice taken from a byte of ``raw``."""
    origin = _ORIGINS[raw[0] % len(_ORIGINS)]
    woman = raw[1] < 126
    given_names = origin.women if woman else origin.men
    given, latin = given_names[raw[2] % len(given_names)]
    family = origin.families[raw[3] % len(origin.families)]
    user = f"{latin}.{raw[4:8].hex()}"
    home = _ORIGINS[raw[8] % len(_ORIGINS)] if raw[9] < 40 else origin
    claims = {
        "sub": f"crm-customer-{unique}",
        "name": f"{family} {given}" if origin.family_first else f"{given} {family}",
        "givenName": given,
        "familyName": family,
        "preferredUsername": user,
        "profile": f"https://profiles.example.com/members/people/{user}",
        "picture": f"https://images.example.com/portraits/512/{user}-{raw[19:31].hex()}.webp",
        "website": f"https://www.{latin}-{raw[4:6].hex()}.example.org/about",
        "gender": "female" if woman else "male",
        "birthdate": f"{1940 + raw[12] % 66}-{1 + raw[13] % 12:02}-{1 + raw[14] % 28:02}",
        "zoneinfo": home.zoneinfo,
        "locale": origin.locale,
        "countryOfResidence": home.country,
        "nationality": origin.country,
        "createdBy": CREATED_BY,
        "address": home.street.format(1 + raw[15]),
    }
    if origin.middles and raw[16] < 144:
        middle = origin.middles[raw[17] % len(origin.middles)]
        claims["middleName"] = middle
        claims["name"] = f"{given} {middle} {family}"
    if raw[16] & 1:
        claims["nickname"] = latin.capitalize()
    if raw[18] < 32:  # as JavaScript's toISOString writes a date
        claims["birthdate"] += "T00:00:00.000Z"
    return claims


def customer(number: int, start: int = 0, seed: int = DEFAULT_SEED) -> dict[str, Any]:
    """Customer ``number`` of the sequence that ``seed`` and ``start`` name."""
    unique = f"{start:03}-{number:08}"
    raw = blake2b(unique.encode(), key=seed.to_bytes(8, "big")).digest()
    owner = account(number, raw[:32])
    return {
        "customerWallet": {
            "wallet": owner.address,
            "blockchainNamespace": owner.namespace,
            "verified": raw[63] < 192,
            "createdBy": CREATED_BY,
        },
        "customerClaims": _claims(unique, raw[32:]),
        "customerDid": {
            "did": did_of(number, owner, raw[:32]),
            "createdBy": CREATED_BY,
            "updatedBy": CREATED_BY,
        },
    }


def bodies(
    count_calls: int, size: int, project_id: str, start: int = 0, seed: int = DEFAULT_SEED
) -> Iterator[bytes]:
    """The JSON bodies of ``count_calls`` calls of ``size`` customers each.

    ``start`` names a sequence: no customer of one is ever in another, however long either is.
    """
    tail = b'],"cmsProjectId":' + _encode(project_id) + b"}"
    for first in range(0, count_calls * size, size):
        items = [_encode(customer(number, start, seed)) for number in range(first, first + size)]
        yield b'{"customerType":"Individual","customerData":[' + b",".join(items) + tail
