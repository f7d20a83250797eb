"""What of storage goes with its account."""

from cloudwright.identity.belongings import belongs
from cloudwright.storage.model import Template, Volume
from cloudwright.storage.template.delete import DeleteImage
from cloudwright.storage.volume.remove import RemoveVolume

belongs(Volume, order=20, remove=lambda volume: RemoveVolume(volume=volume.id))
belongs(Template, order=25, remove=lambda template: DeleteImage(template=template.id))
