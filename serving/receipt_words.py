# ruff: noqa: RUF001, RUF002  Chinese text has Chinese punctuation.
"""The words of a receipt in English and Chinese: what is possible comes first; nothing threatens."""

from typing import Final, Literal, get_args

from ..policy.reasons import Reason, sentence

Lang = Literal["en", "zh"]
LANGS: Final = get_args(Lang)

REASONS_ZH: Final[dict[Reason, str]] = {
    Reason.HALTED: "停止开关已打开：不联系任何人。",
    Reason.UNKNOWN_BORROWER: "账册中没有该借款人的有效记录，因此无法确认可以联系。",
    Reason.DOUBTFUL: "有关该借款人的一行数据被隔离：可能缺少一笔还款或一次拒绝。",
    Reason.STOP: "存在停止事项（{0}）：在其解除或到期之前不得催收。",
    Reason.NO_OPEN_LOAN: "该借款人没有在此催收的贷款：已结清、核销、转让或收回。",
    Reason.STALE_LEDGER: "产品 {0} 的账目过旧，无法证明有逾期。",
    Reason.NOT_OVERDUE: "没有可证明的逾期。",
    Reason.DISPUTE: "有一项争议尚未处理完。",
    Reason.OPT_OUT: "借款人已拒绝所有渠道。",
    Reason.COMPLAINT: "借款人在 {0} 天内投诉过。",
    Reason.PROMISE: "还款承诺有效，至 {0}。",
    Reason.HARDSHIP: "困难申请处理中：应提供帮助，而不是施压。",
    Reason.STANDING: "此前的决定仍然有效，至 {0}。",
    Reason.ARM_REMOVED: "方案 {0} 因规则 {1} 不可用。",
    Reason.ARM_UNSUPPORTED: "方案 {0} 对该借款人没有可比数据。",
    Reason.BEST_VALUE: "该方案的预期净回收最高。",
    Reason.MINIMUM_DOSE: "该方案比最佳方案更轻，且预期损失不超过容许幅度。",
    Reason.STEADY: "保持上次方案：更重的方案带来的增益不超过更换的门槛。",
    Reason.NO_LAWFUL_CONTACT: "按规则，今晚对该借款人没有可用的联系方式。",
    Reason.NO_SUPPORT: "数据无法区分该借款人可用的各方案。",
    Reason.FALLBACK: "采用后备方案。",
    Reason.FALLBACK_NOT_LAWFUL: "后备方案在此不合规，因此不联系。",
    Reason.EXPLORED: "该合规方案按已知概率抽取，以便了解其效果。",
    Reason.HOLDOUT: "该借款人属于暂时不被联系的少数人，以便了解联系的效果。",
    Reason.HOUSE_POLICY: "尚无模型：采用内部政策的方案。",
    Reason.HOUSE_POLICY_LIGHTER: "尚无模型：采用内部政策在此可用的下一个更轻方案。",
    Reason.COMMITMENT_ENDED: "此次联系所依据的安排已结束（{0}）。",
    Reason.MOVED: "时段安排之后，借款人的时区或所在地已变更。",
    Reason.ALREADY_MADE: "此次联系已经完成。",
    Reason.ENDPOINT: "{0} 的联系方式联系不到本人（{1}）：应更新，不再重试。",
    Reason.OUTSIDE_WINDOW: "不在该时段内（{0}）。",
    Reason.UNPLACED: "{0} 的一次联系在任何一天都排不下：{1} 已满。",
    Reason.RULE: "规则 {0} 现在不允许此次联系。",
}
# What takes arms away and is no rule of a pack; by the code before the first dot, or the whole code.
CHECKS: Final[dict[str, tuple[str, str]]] = {
    "restraint.ability": ("little ability to pay now: fewer contacts, and help", "目前还款能力低：减少联系并提供帮助"),
    "restraint.calm": ("a complaint or refusal not long ago: a lighter plan", "近期有投诉或拒绝：采用更轻的方案"),
    "restraint.step": ("a plan rises by one step at most", "方案每次最多提高一级"),
    "endpoint": ("this channel reaches nobody now", "该渠道目前联系不到本人"),
    "capacity": ("no capacity is left for it tonight", "今晚没有剩余的处理能力"),
    "opt_out": ("the borrower has refused this channel", "借款人已拒绝该渠道"),
    "quiet_hours": ("the borrower asked for quiet hours", "借款人要求安静时段"),
    "quiet_endpoint": ("the borrower asked not to be contacted there", "借款人要求不在该处联系"),
    "calendar": ("no time of day is left for it", "没有可用的时段"),
    "clock": ("the borrower's local time is not known", "借款人的当地时间未知"),
    "unknown_dose": ("how often it contacts is not known", "该方案的联系频率未知"),
    "unknown_borrower": ("nothing is known to be allowed", "无法确认可以联系"),
    "no_pack": ("no rule pack holds here", "此处没有适用的规则包"),
    "other": ("a check of the lender", "贷款方的检查"),
}
AUTHORITY: Final[dict[str, tuple[str, str]]] = {
    "statute": ("statute", "法律"), "regulation": ("regulation", "法规规章"), "guidance": ("guidance", "监管指引"),
    "standard": ("standard", "标准"), "self_regulatory": ("self-regulation", "行业自律"), "draft": ("draft", "草案"),
    "policy": ("house rule", "内部规则"),
}  # fmt: skip
CONFIDENCE: Final[dict[str, tuple[str, str]]] = {
    "verbatim": ("official wording, in a third party's copy", "官方原文，据第三方转载"),
    "official": ("official page", "官方网页"),
    "secondary": ("quoted by others", "转引"), "weak": ("weakly sourced", "来源较弱"),
    "memory": ("from memory", "凭记忆"), "policy": ("the house's own", "内部制定"), "": ("not stated", "未注明"),
}  # fmt: skip
TONES: Final[dict[str, str]] = {"friendly": "友好", "neutral": "中性", "firm": "坚定"}
OFFERS: Final[dict[str, tuple[str, str]]] = {
    "instalments": ("paying in instalments", "分期还款"), "extension": ("more time", "延期还款"),
    "hardship_line": ("help in hardship", "困难帮助"),
}  # fmt: skip
CHANNELS_ZH: Final[dict[str, str]] = {
    "sms": "短信", "call": "电话", "voicemail": "语音留言", "voicebot": "语音机器人", "email": "电子邮件",
    "app_push": "应用推送", "im": "即时消息", "letter": "信函", "visit": "上门",
}  # fmt: skip
WAYS: Final[dict[str, tuple[str, str]]] = {
    "pay": ("Pay what is overdue: contact ends once it is booked.", "还清逾期款项：入账后即停止联系。"),
    "promise": ("Promise a day of payment: contact pauses until then.", "承诺还款日期：在此之前暂停联系。"),
    "offer": ("Accept the offer ({0}): the plan is then decided anew.", "接受所提供的安排（{0}）：方案将重新决定。"),
    "hardship": ("Apply for help in hardship: contact pauses while it is open.", "申请困难帮助：处理期间暂停联系。"),
    "dispute": ("Say what is wrong with the debt: contact pauses until it is settled.", "对债务提出异议：处理完之前暂停联系。"),
    "complaint": ("Complain about contact: it then rests for {0} days.", "对联系方式投诉：此后 {0} 天内不联系。"),
    "opt_out": ("Refuse a channel ({0}): it is not used from then on.", "拒绝某个渠道（{0}）：此后不再使用。"),
    "quiet_hours": ("Name quiet hours: no contact falls into them.", "指定安静时段：该时段内不联系。"),
}
TEXTS: Final[dict[str, tuple[str, str]]] = {
    "head": ("Borrower {0}, as of {1} UTC: {2}", "借款人 {0}，决定时点 {1} UTC：{2}"),
    "left_alone": ("left alone tonight.", "今晚不联系。"),
    "no_contact": ("no contact (arm {0}), until {1}.", "不联系（方案 {0}），至 {1}。"),
    "plan": (
        "{0}: {1} a week, one contact every {2} days, until {3}.",
        "方案 {0}：每周 {1} 次，每 {2} 天一次，至 {3}。",
    ),
    "next": (
        "Next contact between {0} and {1}, the borrower's local time, by {2}.",
        "下次联系：借款人当地时间 {0} 至 {1}，渠道：{2}。",
    ),
    "tone": ("Tone: {0}.", "语气：{0}。"),
    "offer": ("Offer: {0}.", "可提供：{0}。"),
    "why": ("Why:", "原因："),
    "expected": ("Expected within the horizon:", "观察期内的预期："),
    "response": (
        "repaid: {0} with this arm, {1} without contact ({2} points)",
        "还清：按此方案 {0}，不联系 {1}（相差 {2} 个百分点）",
    ),
    "interval": (
        "what this arm changes: {1} to {2} points ({0} interval)",
        "此方案带来的变化：{1} 至 {2} 个百分点（{0} 置信区间）",
    ),
    "harm": ("complaint or opt-out: {0}; net value: {1}", "投诉或拒绝联系：{0}；净值：{1}"),
    "not_held": (
        "What was expected when this was decided stands in that night's receipt.",
        "作出该决定时的预期见当晚的说明。",
    ),
    "lawful": ("Lawful arms: {0}", "可用方案：{0}"),
    "rules": ("Rules that took part:", "参与的规则："),
    "no_rules": ("No rule took an arm away.", "没有规则排除任何方案。"),
    "rule": ("{0} ({1}; {2}): {3}", "{0}（{1}；{2}）：{3}"),
    "quote": ("in its words: {0}", "原文：{0}"),
    "check": ("{0}: {1}", "{0}：{1}"),
    "took": ("not available: {0}", "因此不可用：{0}"),
    "duties": ("Kept with every contact:", "每次联系都须做到："),
    "duties_always": ("Kept whether or not there is contact:", "无论是否联系都须做到："),
    "duty": ("{0} ({1}: {2})", "{0}（{1}：{2}）"),
    "retained": ("{0} kept for {1} years", "{0}保存 {1} 年"),
    "retained_since": (" from {0} on", "（自{0}起）"),
    "recordings_since": (", recordings from {0} on", "，录音自{0}起"),
    "retained_by_law": (", by law at least {0}", "，法定至少 {0} 年"),
    "ways": ("What lowers the contacts:", "怎样减少联系："),
    "person": ("A person decides, if you wish:", "您可以要求由人工决定："),
    "automated": (
        (
            "This was decided by a program. You may ask for an explanation, refuse a decision made by a program alone, and "
            "have a person decide (in China: PIPL art. 24). A person's decision takes this one's place."
        ),
        (
            "本决定由程序自动作出。您有权要求说明，有权拒绝仅由自动化方式作出的决定，并要求由人工决定"
            "（《个人信息保护法》第二十四条）。人工决定将取代本决定。"
        ),
    ),
    "reach": ("To reach a person: {0}", "联系人工：{0}"),
    "reach_default": (
        "reply to any message, or call the number on your contract, and quote the decision below.",
        "回复任一消息，或拨打合同上的电话，并说明下面的决定编号。",
    ),
    "made_with": ("Decision {0}, made with model {1}, policy {2}, rules {3}", "决定 {0}，模型 {1}，政策 {2}，规则 {3}"),
    "night_with": ("Made with model {1}, policy {2}, rules {3}", "模型 {1}，政策 {2}，规则 {3}"),
    "data": ("Data {0}; receipt {1}", "数据 {0}；说明 {1}"),
    "no_digest": ("without a digest", "无摘要"),
    "separator": ("; ", "；"),
    "list": (", ", "、"),
}


def text(key: str, lang: Lang, *details: object, words: dict[str, tuple[str, str]] | None = None) -> str:
    """Return one of the texts in a language.

    Examples
    --------
    >>> text("tone", "en", "friendly"), text("tone", "zh", TONES["friendly"])
    ('Tone: friendly.', '语气：友好。')
    """
    return (words or TEXTS)[key][LANGS.index(lang)].format(*details)


def reason(code: str, lang: Lang) -> str:
    """Return the sentence of a reason's code in a language.

    Examples
    --------
    >>> reason("promise:2026-12-01T00:00Z", "zh")
    '还款承诺有效，至 2026-12-01T00:00Z。'

    Raises
    ------
    ValueError
        Where the code is not a reason.
    """
    return sentence(code) if lang == "en" else sentence(code, REASONS_ZH, "未知")


def check(rule: str, lang: Lang) -> str:
    """Return what a check that stands in no pack means."""
    for key in (rule, rule.split(".", maxsplit=1)[0], rule.rsplit(".", maxsplit=1)[-1]):
        if key in CHECKS:
            return text(key, lang, words=CHECKS)
    return text("other", lang, words=CHECKS)


def channel(word: str, lang: Lang) -> str:
    """Return a channel's word."""
    return CHANNELS_ZH[word] if lang == "zh" else word
