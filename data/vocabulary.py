"""The closed lists of words that tables and plans may use; one word per thing."""

from typing import Final

CHANNELS: Final = ("sms", "call", "voicemail", "voicebot", "email", "app_push", "im", "letter", "visit")
DIRECTIONS: Final = ("out", "in")
PAYMENT_KINDS: Final = ("payment", "reversal", "refund", "waiver")
OUTCOMES: Final = (
    "not_connected", "busy", "no_answer", "voicemail_left", "answered_wrong_party", "conversation",
    "sent", "delivered", "bounced", "read", "replied", "clicked",
)  # fmt: skip
FAILED_OUTCOMES: Final = ("not_connected", "bounced", "answered_wrong_party")
REACHED_OUTCOMES: Final = ("conversation", "read", "replied", "clicked")
DELIVERED_OUTCOMES: Final = ("delivered", "read", "replied", "clicked", "voicemail_left", "conversation")
CONTACT_POINT_KINDS: Final = ("personal", "home", "workplace", "other")

# What changes what may be done; what ends which of them stands in `endings` (ADR 5). `detail` holds what a kind needs said: the
# hours of "quiet_hours", the place or the endpoint refused, the kind that a "resolved" ends.
STATUS_KINDS: Final = (
    "opt_out", "opt_in", "complaint", "dispute", "hardship", "promise", "promise_kept", "promise_broken", "attorney", "cease",
    "bankruptcy", "deceased", "moratorium", "vulnerable", "identity_theft", "hospitalised", "disaster", "minor",
    "closed", "written_off", "sold", "recalled", "bureau_reported", "override", "resolved", "offer_accepted",
    "incapacitated", "family_death", "debt_adviser", "time_barred",
    "quiet_hours", "quiet_place", "quiet_endpoint", "employer_prohibits", "third_party_objection",
    "written_notice_sent", "verification_sent", "attorney_unresponsive", "attorney_consent", "borrower_unreachable",
)  # fmt: skip
# Kinds under which nobody may be dunned until they are ended (`endings.py`) or have run out.
STOP_KINDS: Final = (
    "cease", "attorney", "bankruptcy", "deceased", "moratorium", "vulnerable", "identity_theft", "hospitalised", "disaster",
    "minor", "incapacitated", "family_death", "debt_adviser", "time_barred",
)  # fmt: skip
# Stops that a lender can settle itself; the rest end by their own clearing event.
RESOLVABLE_KINDS: Final = ("complaint", "dispute", "hardship", "promise")
# What a borrower asked for; honoured until taken back.
WISH_KINDS: Final = ("quiet_hours", "quiet_place", "quiet_endpoint")
# Kinds that take a loan out of what is collected here.
LOAN_ENDING_KINDS: Final = ("closed", "written_off", "sold", "recalled")
