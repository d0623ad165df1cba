"""Which packs hold for a borrower: the house's, those of the own place and around it, and the strict default where none is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final, Self, overload

from ...data.errors import Fault, InvalidInput
from .jurisdictions import EUROPEAN_UNION, EVERYWHERE, covers, lineage
from .pack import RulePack

# In the settings' list of packs: every pack that ships with a place of its own, chosen by the borrower's jurisdiction.
AUTOMATIC: Final = "auto"
HOUSE: Final = "house"
FALLBACK: Final = "house-strict"
_NUMBERS: Final = ("hours", "cap")


def shipped_packs() -> tuple[str, ...]:
    """Return the names of all packs that ship, sorted."""
    names = (entry.name for entry in files(f"{__package__}.packs").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def sets_numbers(pack: RulePack) -> bool:
    """Tell whether a pack of a place says itself how often or at which hours a borrower may be contacted.

    A directive that binds through national law, or a statute that bans harassment without a number, leaves both open.
    """
    if pack.header.jurisdiction in (EVERYWHERE, EUROPEAN_UNION):
        return False
    return any(rule.type in _NUMBERS and rule.authority != "draft" for rule in pack.rules)


@dataclass(frozen=True)
class PackSelection(Sequence[RulePack]):
    """All packs in use, and which of them hold for whom; as a sequence it is all of them.

    Packs that were named hold for every borrower whose place they cover. Those that came by `auto` do too, and the fallback
    joins them where none of a borrower's own country or region sets hours or numbers. It joins, it replaces nothing.

    Parameters
    ----------
    named : tuple of RulePack
    automatic : tuple of RulePack
    fallback : RulePack, optional
        None where packs are only named.
    """

    named: tuple[RulePack, ...]
    automatic: tuple[RulePack, ...] = ()
    fallback: RulePack | None = None

    @classmethod
    def from_names(cls, names: Sequence[str]) -> Self:
        """Read the packs of a settings' list; the word `auto` stands for every shipped pack of a place.

        Raises
        ------
        InvalidInput
            The faults of all packs at once.
        """
        wanted = [name for name in names if name != AUTOMATIC]
        shipped = [name for name in shipped_packs() if name not in (HOUSE, FALLBACK, *wanted)]
        if AUTOMATIC not in names:
            return cls(_loaded(wanted))
        house = [] if HOUSE in wanted else [HOUSE]
        return cls(_loaded([*house, *wanted]), _loaded(shipped), _loaded([FALLBACK])[0])

    def packs_for(self, jurisdiction: str | None, actor_role: str | None = None) -> tuple[RulePack, ...]:
        """Return the packs that hold for a borrower.

        Parameters
        ----------
        jurisdiction : str or None
            The borrower's; where it is not known the fallback holds.
        actor_role : str, optional
            The lender's own; packs that bind other roles alone are left out. Not known, all bind.
        """
        found = [pack for pack in (*self.named, *self.automatic) if covers(pack.header.jurisdiction, jurisdiction)]
        found = [pack for pack in found if _binds(pack, actor_role)]
        own = lineage(jurisdiction)
        sourced = any(sets_numbers(pack) and lineage(pack.header.jurisdiction)[0] in own for pack in found)
        if self.fallback is not None and not sourced and self.fallback.id not in {pack.id for pack in found}:
            found.append(self.fallback)
        return tuple(found)

    @property
    def all_packs(self) -> tuple[RulePack, ...]:
        """Every pack that may hold for somebody."""
        last = () if self.fallback is None else (self.fallback,)
        return (*self.named, *self.automatic, *(pack for pack in last if pack not in self.named))

    def __iter__(self) -> Iterator[RulePack]:
        return iter(self.all_packs)

    def __len__(self) -> int:
        return len(self.all_packs)

    @overload
    def __getitem__(self, position: int) -> RulePack: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[RulePack, ...]: ...
    def __getitem__(self, position: int | slice) -> RulePack | tuple[RulePack, ...]:
        return self.all_packs[position]


def select_packs(
    jurisdiction: str | None, names: Sequence[str] = (HOUSE, AUTOMATIC), actor_role: str | None = None
) -> tuple[str, ...]:
    """Return the names of the packs that hold for a borrower under a settings' list of packs.

    Examples
    --------
    >>> select_packs("US-MA")
    ('house', 'us-fed', 'us-ma', 'us-ma-household', 'us-tcpa')
    >>> select_packs("MY"), select_packs(None)
    (('house', 'house-strict'), ('house', 'house-strict'))
    """
    return tuple(pack.id for pack in _selection(tuple(names)).packs_for(jurisdiction, actor_role))


@lru_cache(maxsize=16)
def _selection(names: tuple[str, ...]) -> PackSelection:
    return PackSelection.from_names(names)


def _binds(pack: RulePack, actor_role: str | None) -> bool:
    roles = pack.header.applies.actor_role
    return actor_role is None or not roles or actor_role in roles


def _loaded(names: Sequence[str]) -> tuple[RulePack, ...]:
    packs: list[RulePack] = []
    faults: list[Fault] = []
    for name in names:
        try:
            packs.append(RulePack.load(name))
        except InvalidInput as error:
            faults += error.faults
    if faults:
        raise InvalidInput(faults)
    return tuple(packs)
