"""What a feature is: a name that is its definition, a unit, a family and a description."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature table.

    Parameters
    ----------
    name : str
        Its definition in short, such as ``contact_call_count_30d``.
    unit : str
        What a value of 1 means.
    family : str
        The group it belongs to.
    description : str
        Its definition in full, from which an independent implementation can be written.
    """

    name: str
    unit: str
    family: str
    description: str


def family(name: str, *rows: tuple[str, str, str]) -> tuple[Feature, ...]:
    """Return the features of one family from rows of name, unit and description.

    Examples
    --------
    >>> family("stage", ("open_loan_count", "loans", "Loans still collected here."))[0].family
    'stage'
    """
    return tuple(Feature(feature, unit, name, description) for feature, unit, description in rows)
