"""Evaluation without deployment: what a policy is worth on the log of another one."""

from .cross_validation import cross_validate
from .given import METHODS, Method
from .value import PolicyValue, best_supported, policy_value, policy_values

__all__ = ["METHODS", "Method", "PolicyValue", "best_supported", "cross_validate", "policy_value", "policy_values"]
