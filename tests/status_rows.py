"""A row of the table of status events."""


def status_event(borrower, kind, at, *, channel=None, until=None):
    return {
        "borrower_id": borrower,
        "loan_id": None,
        "kind": kind,
        "channel": channel,
        "at": at,
        "until": until,
        "known_at": at,
    }
