"""Personal columns that no table may carry: names, numbers, addresses, papers, places, contact lists."""

import re
import unicodedata
from typing import Final

# A column is refused when its words contain one of these runs of words, and nothing says that it is only a fact about it.
_PHRASES: Final[dict[str, str]] = {
    "a person's name": "first name|last name|full name|middle name|given name|family name|surname|forename|maiden name|"
    "nickname|xingming|mingzi",
    "a phone number": "phone|phones|mobile phone|telephone|tel|mobile|mobiles|cellphone|cell phone|msisdn|landline|fax|"
    "whatsapp|viber|telegram|shouji|shoujihao|dianhua|lianxidianhua",
    "an e-mail address": "email|emails|e mail|email address|mail address|youxiang|dianziyouxiang",
    "a messenger or social account": "wechat|weixin|wxid|openid|unionid|qq|weibo|alipay|zhifubao|facebook|instagram|linkedin|"
    "social media",
    "a street address": "address|addresses|home address|addr|street|postcode|postal code|zip|zip code|zipcode|house no|"
    "house number|dizhi|zhuzhi|jiatingdizhi",
    "an identity document": "ssn|social security|passport|id card|id no|id number|idno|identity card|identity no|"
    "identity number|national id|nin|bvn|aadhaar|cnic|curp|cpf|nik|tax id|tin|driver license|driving licence|license plate|"
    "plate number|plate no|shenfenzheng|shenfenzhenghao|sfz|sfzh|huzhao|zhengjianhao",
    "a bank or card number": "account number|account no|bank account|bank card|card number|card no|cardno|iban|cvv|pin code|"
    "yinhangka|yinhangkahao|kahao",
    "a contact list": "contact list|contact book|contacts list|address book|phonebook|phone book|call log|call logs|sms log|"
    "sms logs|sms content|message text|message content|contact name|emergency contact|referee|next of kin|relatives|"
    "tongxunlu|lianxiren|jinjilianxiren",
    "a place or a movement": "gps|latitude|longitude|lat|lng|lon|geo|geolocation|geohash|coordinates|location|dingwei",
    "a device's identity": "imei|imsi|idfa|oaid|gaid|android id|mac address|ip|ip address",
    "a body or its picture": "photo|photos|selfie|fingerprint|face|biometric|voiceprint|portrait",
    "a date of birth": "date of birth|birth date|birthdate|birthday|dob|shengri|chushengriqi",
    "a protected trait": "religion|ethnicity|ethnic|race|caste|political|health|medical|diagnosis|minzu|zongjiao",
    "crawled data": "crawl|crawled|crawler|scraped|scrape|pachong",
    "a password": "password|passwd|mima",
}
_HAN: Final[dict[str, str]] = {
    "a person's name": "姓名|名字|真名|昵称",
    "a phone number": "手机|电话|座机|联系方式",
    "an e-mail address": "邮箱|电子邮件",
    "a messenger or social account": "微信|支付宝|微博",
    "a street address": "地址|住址|门牌|邮编",
    "an identity document": "身份证|护照|证件号|车牌|社保号",
    "a bank or card number": "银行卡|卡号|银行账号",
    "a contact list": "通讯录|联系人|通话记录|短信内容|亲属",
    "a place or a movement": "定位|经度|纬度|位置",
    "a body or its picture": "人脸|指纹|照片|声纹",
    "a date of birth": "生日|出生日期",
    "a protected trait": "民族|宗教|病史",
    "crawled data": "爬虫|爬取",
    "a password": "密码",
}
# "name" alone is a person's; beside a thing (product_name) it is not, beside a person it is again.
_PERSONS: Final = frozenset(
    {
        "borrower", "customer", "client", "user", "applicant", "guarantor", "cosigner", "spouse", "husband", "wife", "father",
        "mother", "parent", "kin", "relative", "friend", "colleague", "person", "member", "holder", "owner", "debtor",
        "employer", "collector", "agent", "legal", "real",
    }
)  # fmt: skip
# Words that make a column a fact about the thing, not the thing: phone_verified, email_count, 是否有手机.
_FACTS: Final = frozenset(
    {
        "has", "is", "count", "counts", "verified", "valid", "flag", "kind", "type", "status", "age", "days", "changes",
        "changed", "consent", "opt", "optin", "optout", "sent",
    }
)  # fmt: skip
_HAN_FACTS: Final = ("是否", "次数", "个数", "数量", "状态", "类型", "天数")
_RUNS: Final = {tuple(run.split()): thing for thing, runs in _PHRASES.items() for run in runs.split("|")}
_COMPOUNDS: Final = {"".join(run): thing for run, thing in _RUNS.items()}


def personal_reason(column: str) -> str | None:
    """Return what kind of personal data a column's name stands for; None where it stands for none.

    Names are compared word by word, so that ``segment_name`` and ``latest`` pass where ``borrower_name`` and ``lat`` do not.

    Parameters
    ----------
    column : str
        A column's name in any case and style, in English, pinyin or Chinese characters.

    Examples
    --------
    >>> personal_reason("MobileNo"), personal_reason("身份证号"), personal_reason("xing_ming")
    ('a phone number', 'an identity document', "a person's name")
    >>> personal_reason("segment_name"), personal_reason("email_verified")
    (None, None)
    """
    text = unicodedata.normalize("NFKC", column)
    if not any(fact in text for fact in _HAN_FACTS):
        for thing, listed in _HAN.items():
            if any(word in text for word in listed.split("|")):
                return thing
    words = words_of(text)
    if not words or _FACTS.intersection(words):
        return None
    for start in range(len(words)):
        for stop in range(start + 1, min(start + 3, len(words)) + 1):
            run = tuple(words[start:stop])
            if run in _RUNS:
                return _RUNS[run]
    if words[-1] in ("name", "names") and all(word in _PERSONS for word in words[:-1]):
        return "a person's name"
    return _compound("".join(words))


def _compound(joined: str) -> str | None:
    """Find names written without a break, such as ``phonenumber`` or ``customername``."""
    for ending in ("", "number", "num", "no", "id", "text", "hash"):
        if joined.endswith(ending) and (thing := _COMPOUNDS.get(joined.removesuffix(ending))):
            return thing
    return "a person's name" if joined.removesuffix("name") in _PERSONS and joined.endswith("name") else None


def words_of(name: str) -> list[str]:
    """Split a column's name into lower-case words, digits at their ends left out.

    Examples
    --------
    >>> words_of("homePhone2_e-mail"), words_of("IDCard")
    (['home', 'phone', 'e', 'mail'], ['id', 'card'])
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = (word.rstrip("0123456789") for word in re.split(r"[^a-z0-9]+", spaced.lower()))
    return [word for word in words if word]
