"""All settings, typed: `emberline.toml`, overridden by environment variables `EMBERLINE__SECTION__KEY`.

Without settings, everything is embedded in the state folder. Secrets come only from the environment. Each module has
the settings of one section, or of a few that belong together; `model` has the whole, and `load` reads it.
"""

from emberline.settings.alerts import AlertSettings
from emberline.settings.groups import GroupSettings
from emberline.settings.ingest import IngestSettings, ScheduleSettings
from emberline.settings.kafka import KafkaSettings
from emberline.settings.keeping import MaintenanceSettings, PrivacySettings
from emberline.settings.lineage import LineageSettings
from emberline.settings.load import load_settings
from emberline.settings.metric_alerts import MetricAlertSettings
from emberline.settings.model import Settings
from emberline.settings.pull import PullSettings
from emberline.settings.receive import ReceiveSettings, RouteSettings
from emberline.settings.rules import FunnelSettings, IdentitySettings, RuleSettings
from emberline.settings.sources import URL_VARIABLE, SettingsError, settings_file
from emberline.settings.stores import DagsterSettings, LakeSettings, WarehouseSettings

__all__ = [
    "URL_VARIABLE", "AlertSettings", "DagsterSettings", "FunnelSettings", "GroupSettings", "IdentitySettings",
    "IngestSettings", "KafkaSettings", "LakeSettings", "LineageSettings", "MaintenanceSettings", "MetricAlertSettings",
    "PrivacySettings", "PullSettings", "ReceiveSettings", "RouteSettings", "RuleSettings", "ScheduleSettings",
    "Settings", "SettingsError", "WarehouseSettings", "load_settings", "settings_file",
]  # fmt: skip
