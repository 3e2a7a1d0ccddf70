"""What the IANA Language Subtag Registry prefers to tags and subtags that it has deprecated.

Its records that have a Preferred-Value, as of its File-Date 2024-05-16 (RFC 5646, section 3.1.7).
Deprecated subtags without one are not here: nothing says what to write for them.
"""

from typing import Final


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in text.split())


# Grandfathered tags, and redundant ones, as a whole and in lower case. The deprecated zh-min has
# nothing preferred to it, but must not pass for Chinese with an extended language.
TAGS: Final = _pairs(
    "art-lojban:jbo en-gb-oed:en-GB-oxendict i-ami:ami i-bnn:bnn i-hak:hak i-klingon:tlh i-lux:lb "
    "i-navajo:nv i-pwn:pwn i-tao:tao i-tay:tay i-tsu:tsu no-bok:nb no-nyn:nn sgn-be-fr:sfb "
    "sgn-be-nl:vgt sgn-ch-de:sgg zh-guoyu:cmn zh-hakka:hak zh-min-nan:nan zh-xiang:hsn sgn-br:bzs "
    "sgn-co:csn sgn-de:gsg sgn-dk:dsl sgn-es:ssp sgn-fr:fsl sgn-gb:bfi sgn-gr:gss sgn-ie:isg "
    "sgn-it:ise sgn-jp:jsl sgn-mx:mfs sgn-ni:ncs sgn-nl:dse sgn-no:nsl sgn-pt:psr sgn-se:swl "
    "sgn-us:ase sgn-za:sfs zh-min:zh-min"
)
LANGUAGES: Final = _pairs(
    "in:id iw:he ji:yi jw:jv mo:ro aam:aas adp:dz ajp:apc ajt:aeb asd:snz aue:ktz ayx:nun bgm:bcg "
    "bic:bir bjd:drl blg:iba ccq:rki cjr:mom cka:cmr cmk:xch coy:pij cqu:quh dit:dif drh:khk "
    "drr:kzk drw:prs gav:dev gfx:vaj ggn:gvr gli:kzk gti:nyc guv:duz hrr:jal ibi:opa ilw:gal "
    "jeg:oyb kgc:tdf kgh:kml kgm:plu koj:kwv krm:bmf ktr:dtp kvs:gdj kwq:yam kxe:tvd kxl:kru "
    "kzj:dtp kzt:dtp lak:ksp lii:raq llo:ngt lmm:rmx meg:cir mst:mry mwj:vaj myd:aog myt:mry "
    "nad:xny ncp:kdz nns:nbr nnx:ngv nom:cbr nts:pij nxu:bpp oun:vaj pat:kxr pcr:adx pmc:huw "
    "pmk:crr pmu:phr ppa:bfy ppr:lcq prp:gu pry:prt puz:pub sca:hle skk:oyb smd:kmb snb:iba "
    "szd:umi tdu:dtp thc:tpo thw:ola thx:oyb tie:ras tkk:twm tlw:weo tmk:tdg tmp:tyj tne:kak "
    "tnf:prs tpw:tpn tsf:taj uok:ema xba:cax xia:acn xkh:waw xrq:dmw xss:zko ybd:rki yma:lrr "
    "ymt:mtm yos:zom yuu:yug zir:scv zkb:kjh"
)
REGIONS: Final = _pairs("BU:MM DD:DE FX:FR TP:TL YD:YE ZR:CD")
VARIANTS: Final = {"heploc": "alalc97"}
# The languages that have extended ones. Of each extended language the registry prefers the same
# three letters as a language: zh-yue is yue.
EXTENDED: Final = frozenset("ar kok lv ms sgn sw uz zh".split())
