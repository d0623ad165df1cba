# ruff: noqa: RUF001  Chinese text has Chinese punctuation.
"""The words of duties and of records in Chinese; in English a pack's own words are words already."""

from typing import Final

from .receipt_words import Lang, text

DUTIES_ZH: Final[dict[str, str]] = {
    "agent_identity_first": "先表明催收人员身份", "business_endpoint_only": "只用单位的联系方式",
    "certified_agents": "人员持证上岗", "consider_forbearance": "考虑宽限安排",
    "consider_personal_circumstances": "考虑个人情况", "consumer_duty": "以客户利益为先",
    "count_a_call_to_every_debt_it_mentions": "一次通话计入所提及的每笔债务", "do_not_ask_why_unpaid": "不追问未还原因",
    "due_consideration": "给予应有的考虑", "explain_on_request": "应要求说明决定", "forbearance": "提供宽限安排",
    "human_decision_on_request": "应要求由人工决定", "identify_person_first": "先核实本人身份",
    "impact_assessment": "个人信息保护影响评估", "include_opt_out": "附上退订方式", "leave_when_told": "被要求时离开",
    "licensed_agency": "使用持牌机构", "no_access_to_phone_book": "不读取通讯录",
    "no_anonymous_or_threatening_calls": "不匿名来电，不恐吓", "no_continuous_contact": "不连续联系",
    "no_court_look_alikes": "不使用类似法院文书的形式", "no_excessive_attempts": "不过多尝试",
    "no_excessive_contact": "不过度联系", "no_false_or_disclosed_data": "不使用虚假信息，不泄露信息",
    "no_harassment": "不骚扰", "no_harassment_by_any_medium": "不以任何方式骚扰", "no_hidden_numbers": "不隐藏号码",
    "no_hint_of_debt": "不暗示债务", "no_inappropriate_messages": "不发送不当信息",
    "no_interference_with_work_rest_leisure": "不影响工作和休息",
    "no_obscene_or_threatening_language": "不使用侮辱或恐吓性语言", "no_persistent_calling": "不持续拨打",
    "no_posters": "不张贴", "no_publication": "不公开", "no_systematic_first_demand_by_message": "首次通知不一律用短信",
    "no_unfair_discrimination_by_automation": "自动化决策不作不合理的差别对待", "pass_dispute_to_lender": "将争议转交贷款方",
    "processor_contract": "与受托方订立合同", "record_calls": "通话录音", "record_contact": "记录联系",
    "record_visit": "记录上门", "required_notices_in_keepable_form": "以可保存的形式提供告知",
    "separate_consent_sensitive": "敏感信息取得单独同意", "separate_consent_to_share": "提供给他人前取得单独同意",
    "two_visitors": "上门须两人",
}  # fmt: skip
# Which records, and from when on; "" where a pack means all of them.
RECORDS: Final[dict[str, tuple[str, str]]] = {
    "": ("records", "记录"),
    "impact_assessment": ("the impact assessment", "影响评估报告"),
    "debt_closed": ("the closing of the debt", "债务结清之日"),
    "last_collection_activity": ("the last collection activity", "最后一次催收之日"),
    "contact": ("the contact", "联系之日"),
    "call_date": ("the day of the call", "通话之日"),
}


def duty(word: str, lang: Lang) -> str:
    """Return what a duty asks for.

    Examples
    --------
    >>> duty("record_calls", "en"), duty("record_calls", "zh")
    ('record calls', '通话录音')
    """
    return DUTIES_ZH[word] if lang == "zh" and word in DUTIES_ZH else word.replace("_", " ")


def records_word(word: str, lang: Lang) -> str:
    """Return which records, or from when on; a word of a pack of the lender's own is told as it stands there."""
    return text(word, lang, words=RECORDS) if word in RECORDS else word.replace("_", " ")
