"""Display names of the platforms that groups live on."""

from __future__ import annotations

from typing import Final

CARRIER_NAMES: Final[dict[str, str]] = {
    "app": "App",
    "chatwoot": "Chatwoot",
    "dingtalk": "DingTalk",
    "discord": "Discord",
    "discourse": "Discourse",
    "feishu": "Feishu",
    "kook": "KOOK",
    "line": "LINE",
    "matrix": "Matrix",
    "mattermost": "Mattermost",
    "qq": "QQ",
    "reddit": "Reddit",
    "rocketchat": "Rocket.Chat",
    "slack": "Slack",
    "teams": "Microsoft Teams",
    "telegram": "Telegram",
    "wechat": "WeChat",
    "wecom": "WeCom",
    "whatsapp": "WhatsApp",
    "zulip": "Zulip",
}
"""By the prefix of their groups' ids."""
