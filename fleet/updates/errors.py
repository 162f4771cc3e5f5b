"""What can go wrong with the update repository, for people and programs."""

from fleet.domain.errors import ConflictError, FleetError, InvalidError


class NotInitialisedError(ConflictError):
    """The release owners have not signed a root and targets yet; nothing can be served or provisioned."""

    code = "updates_not_initialised"


class MetadataError(InvalidError):
    """A metadata file that units would not accept, or that does not follow on the current one."""

    code = "bad_metadata"


class ImageError(InvalidError):
    """An image that is not what the signed metadata says of it."""

    code = "bad_image"


class RepositoryError(FleetError):
    """The files on disk are not as the service left them; restore them from a backup."""

    code = "damaged_repository"
