"""What a learner that takes the arm as an input is told of it: identity, main channel, intensity, dose by channel."""

import numpy as np
from lighttouch.data.arms import ArmCatalogue
from lighttouch.data.vocabulary import CHANNELS


def arm_inputs(arms: ArmCatalogue) -> np.ndarray:
    """Return a row per arm, of shape (K, m); the first column is the arm's position, NaN stands where a dose is not known."""
    doses = arms.dose_matrix
    main = [CHANNELS.index(arm.channels[0]) if arm.channels else np.nan for arm in arms]
    used = [j for j, channel in enumerate(CHANNELS) if any(arm.doses[channel] > 0 for arm in arms)]
    columns = [np.arange(len(arms), dtype=np.float64), np.array(main), arms.intensity, *(doses[:, j] for j in used)]
    return np.column_stack(columns)
