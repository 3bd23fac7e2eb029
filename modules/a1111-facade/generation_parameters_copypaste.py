"""The older name of `infotext_utils`: the same module, so that what is put into one is in both."""

import sys

from modules import infotext_utils

sys.modules[__name__] = infotext_utils
