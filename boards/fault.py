"""How a check of the schema says which field of a board file it means."""

from pydantic_core import PydanticCustomError


def fault(at: str, message: str) -> PydanticCustomError:
    """An error to raise in a validator: `message` says what is wrong and the remedy, `at` is the field's dotted path.

    The path counts from the top of the file; the catalogue finds its line.
    """
    return PydanticCustomError("board", "{message}", {"message": message, "at": at})
