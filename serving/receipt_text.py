"""A receipt in words: English or Chinese, the same bytes wherever it is rendered."""

from collections.abc import Iterator

from ..policy.law.duties import Duty, Records
from .receipt import Cited, Plan, Receipt
from .receipt_duty_words import duty, records_word
from .receipt_words import AUTHORITY, CONFIDENCE, OFFERS, TONES, WAYS, Lang, channel, check, reason, text

_SHORT_DIGEST = 16


def render(receipt: Receipt, lang: Lang = "en") -> str:
    """Return a receipt as text that ends without a line break.

    Parameters
    ----------
    receipt : Receipt
    lang : {"en", "zh"}
    """
    plan = receipt.plan
    lines = [text("head", lang, receipt.borrower_id, receipt.as_of, _decided(plan, lang))]
    if plan is not None:
        lines += _next(plan, lang)
    lines += [text("why", lang), *_listed(reason(one, lang) for one in receipt.reasons)]
    if plan is not None:
        lines += _expected(plan, lang)
        lines += _rules(receipt.rules, lang)
        lines.append(text("lawful", lang, text("list", lang).join(plan.lawful_arms)))
    if plan is not None and receipt.duties:
        heading = "duties" if plan.channels else "duties_always"
        lines += [text(heading, lang), *_listed(_duty(one, lang) for one in receipt.duties)]
    if receipt.ways:
        lines += [text("ways", lang), *_listed(_way(one, lang) for one in receipt.ways)]
    reach = receipt.reach.get(lang) or text("reach_default", lang)
    lines += [text("person", lang), *_listed([text("automated", lang), text("reach", lang, reach)])]
    return "\n".join([*lines, *_made_with(receipt, lang)])


def _listed(lines: Iterator[str] | list[str]) -> list[str]:
    return [f"  - {line}" for line in lines]


def _decided(plan: Plan | None, lang: Lang) -> str:
    if plan is None:
        return text("left_alone", lang)
    if not plan.channels or plan.interval_days is None:
        return text("no_contact", lang, plan.arm, plan.until)
    return text("plan", lang, plan.arm, f"{plan.intensity:.3g}", f"{plan.interval_days:.3g}", plan.until)


def _next(plan: Plan, lang: Lang) -> list[str]:
    said = []
    if plan.next_contact is not None:
        said.append(text("next", lang, *plan.next_contact, channel(plan.next_channel, lang)))
    if plan.tone:
        said.append(text("tone", lang, TONES[plan.tone] if lang == "zh" else plan.tone))
    if plan.offer:
        said.append(text("offer", lang, text(plan.offer, lang, words=OFFERS)))
    return [" ".join(said)] if said else []


def _expected(plan: Plan, lang: Lang) -> list[str]:
    expected = plan.expected
    if expected is None:
        return [text("not_held", lang)] if plan.standing else []
    said = [text("response", lang, f"{expected.response:.1%}", f"{expected.response_none:.1%}", _points(expected.uplift))]
    if plan.channels:
        sure, low, high = f"{100 * expected.confidence:.4g}%", _points(expected.uplift_low), _points(expected.uplift_high)
        said.append(text("interval", lang, sure, low, high))
    said.append(text("harm", lang, f"{expected.harm:.2%}", f"{expected.value:,.2f}"))
    return [text("expected", lang), *_listed(said)]


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _rules(rules: tuple[Cited, ...], lang: Lang) -> list[str]:
    if not rules:
        return [text("no_rules", lang)]
    return [text("rules", lang), *_listed(_rule(one, lang) for one in rules)]


def _rule(one: Cited, lang: Lang) -> str:
    said = [_source(one, lang) if one.clause else text("check", lang, one.rule, check(one.rule, lang))]
    if one.quote:
        said.append(text("quote", lang, one.quote))
    said.append(text("took", lang, text("list", lang).join(one.arms)))
    return text("separator", lang).join(said)


def _source(one: Cited, lang: Lang) -> str:
    rank, read = text(one.authority, lang, words=AUTHORITY), text(one.confidence, lang, words=CONFIDENCE)
    return text("rule", lang, one.rule, rank, read, one.clause)


def _duty(one: Duty, lang: Lang) -> str:
    asked = [duty(word, lang) for word in one.do]
    if one.records is not None:
        asked.append(_records(one.records, lang))
    return text("duty", lang, text("list", lang).join(asked), one.rule, one.clause)


def _records(kept: Records, lang: Lang) -> str:
    said = text("retained", lang, records_word(kept.what, lang), f"{kept.years:g}")
    if kept.since:
        said += text("retained_since", lang, records_word(kept.since, lang))
    if kept.recordings_since:
        said += text("recordings_since", lang, records_word(kept.recordings_since, lang))
    if kept.legal_years is not None:
        said += text("retained_by_law", lang, f"{kept.legal_years:g}")
    return said


def _way(way: tuple[str, ...], lang: Lang) -> str:
    name, *details = way
    if name == "offer":
        details = [text(one, lang, words=OFFERS) for one in details]
    elif name == "opt_out":
        details = [text("list", lang).join(channel(one, lang) for one in details)]
    return text(name, lang, *details, words=WAYS)


def _made_with(receipt: Receipt, lang: Lang) -> list[str]:
    versions, plan = receipt.versions, receipt.plan
    key, decision = ("made_with", plan.decision_id) if plan else ("night_with", "")
    data = receipt.data[:_SHORT_DIGEST] or text("no_digest", lang)
    return [
        text(key, lang, decision, versions.model, versions.policy, versions.rules),
        text("data", lang, data, receipt.digest),
    ]
