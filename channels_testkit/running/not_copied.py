"""What belongs to one test, and is not shared with another by a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class NotCopied:
    """Something that belongs to one test, and that a copy would share."""

    @property
    def _is_of_a_test(self) -> bool:
        return True

    def __deepcopy__(self, memo: object) -> Self:
        if self._is_of_a_test:
            raise TypeError(
                f"{type(self).__name__} objects cannot be copied: a copy would share"
                " what this one has open. Make another one the way this one was made."
            )
        # Django copies what setUpTestData() makes; its use is refused.
        return self
