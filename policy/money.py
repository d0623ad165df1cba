"""Account currency: costs and margins are stated in it, so what loans owe must be turned into it."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.errors import Fault, InvalidInput
from .settings import PolicySettings


def account_rates(currency: pd.Series, settings: PolicySettings) -> NDArray[np.float64]:
    """Return what one unit of each row's currency is in account currency.

    Parameters
    ----------
    currency : Series of shape (n,)
        ISO codes; missing where nothing is owed.
    settings : PolicySettings
        Its `exchange_rates`; without any, a book of a single currency is in account currency.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    InvalidInput
        Every currency whose rate is missing.

    Examples
    --------
    >>> rates = PolicySettings(exchange_rates={"USD": 7.0, "CNY": 1.0})
    >>> account_rates(pd.Series(["CNY", "USD", None]), rates)
    array([1., 7., 1.])
    """
    known = settings.exchange_rates
    found = sorted(currency.dropna().unique())
    if not known and len(found) <= 1:
        return np.ones(len(currency))
    remedy = "Set `exchange_rates: {XXX: account currency per unit}` in the settings: costs are stated in one currency."
    if faults := [Fault(f"currency {name}", "an exchange rate", "none", remedy) for name in found if name not in known]:
        raise InvalidInput(faults)
    return np.asarray(currency.map(known).astype(float).fillna(1.0), dtype=np.float64)
