"""What only FCPXML can say: roles, auditions, multicam angles, captions, adjustments."""

from __future__ import annotations

import pytest
from plan_kit import Desk, by_name

from unisync_adapters.document import open_edit
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import PlanOptions
from unisync_post.plan.plan import Plan

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.10"><resources>
<format id="f" frameDuration="100/2500s" width="1920" height="1080"/>
"""


class Cut:
    """An FCPXML project of 25 pictures a second over media ``A`` to ``D`` and a dub."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.dub = desk.sound("line.wav", (0, 8))
        for name in "ABCD":
            desk.plate(f"{name}.mov")

    def plan(self, spine: str, resources: str = "", **said: object) -> Plan:
        """Plan a project with this storyline; the dub is its role ``dialogue.french``."""
        assets = "".join(self._asset(name, f"{name}.mov", 'hasVideo="1"') for name in "ABCD")
        assets += self._asset("DUB", "line.wav", 'hasAudio="1" audioChannels="1"', "8s")
        text = (
            f'{_HEAD}{assets}{resources}</resources><library><event><project name="Cut">'
            f'<sequence format="f" duration="8s" tcStart="0s"><spine>{spine}</spine></sequence>'
            "</project></event></library></fcpxml>"
        )
        path = self.desk.folder / "Cut.fcpxml"
        path.write_text(text, "utf-8")
        return make_plan(open_edit(path), PlanOptions(**said))  # type: ignore[arg-type]

    def _asset(self, name: str, file: str, kinds: str, duration: str = "40s") -> str:
        format_ = ' format="f"' if "Video" in kinds else ""
        return (
            f'<asset id="{name}" name="{name}" start="0s" duration="{duration}" {kinds}{format_}>'
            f'<media-rep kind="original-media" src="{(self.desk.folder / file).as_uri()}"/></asset>'
        )


@pytest.fixture
def cut(desk: Desk) -> Cut:
    return Cut(desk)


def shown(name: str, offset: int = 0, inside: str = "", attributes: str = "") -> str:
    """Two seconds of a clip at these seconds."""
    return (
        f'<asset-clip ref="{name}" name="{name}" offset="{offset}s" start="4s" duration="2s" '
        f"{attributes}>{inside}</asset-clip>"
    )


def spoken(length: int = 2, role: str = "dialogue.french", offset: int = 4) -> str:
    return (
        f'<asset-clip ref="DUB" name="DUB" lane="-1" offset="{offset}s" duration="{length}s" '
        f'audioRole="{role}"/>'
    )


def decisions(plan: Plan) -> dict[str, str]:
    return {clip.name: clip.decision.value for clip in plan.clips}


def test_03_a_role_of_the_language_is_the_dub(cut: Cut) -> None:
    both = spoken(role="dialogue.english") + spoken(role="dialogue.french")
    plan = cut.plan(shown("A", inside=both) + shown("B", 2), language="fr")
    assert plan.dub.language == "fr"
    assert "dialogue.french" in plan.dub.reason
    assert decisions(plan) == {"A": "render", "B": "leave"}


def test_18_the_active_angle_of_a_multicam_is_dubbed(cut: Cut) -> None:
    angles = "".join(
        f'<mc-angle name="{name}" angleID="{name}"><asset-clip ref="{name}" name="{name}" '
        'offset="0s" duration="40s"/></mc-angle>'
        for name in "ABC"
    )
    multicam = f'<media id="M" name="M"><multicam format="f">{angles}</multicam></media>'
    clip = (
        '<mc-clip ref="M" name="Cam" offset="0s" start="4s" duration="2s">'
        f'<mc-source angleID="B" srcEnable="video"/>{spoken()}</mc-clip>'
    )
    (made,) = cut.plan(clip, multicam).clips
    assert made.shot is not None
    assert made.shot.media.name == "B.mov"
    assert made.shot.played()[made.shot.head] == 100


def test_19_the_picked_clip_of_an_audition_is_dubbed(cut: Cut) -> None:
    takes = shown("C", inside=spoken()) + shown("A") + shown("B")
    (made,) = cut.plan(f"<audition>{takes}</audition>").clips
    assert made.shot is not None
    assert made.shot.media.name == "C.mov"


def test_21_what_is_scaled_or_faded_down_lets_through(cut: Cut) -> None:
    def over(adjusted: str) -> Plan:
        top = (
            f'<asset-clip ref="B" name="B" lane="1" offset="4s" duration="2s">{adjusted}'
            "</asset-clip>"
        )
        return cut.plan(shown("A", inside=top + spoken()))

    assert by_name(over(""), "A").reason.startswith("Hidden under")
    for adjusted in (
        '<adjust-transform scale="0.4 0.4"/>',
        '<adjust-blend amount="0.5"/>',
        '<adjust-crop mode="trim"><trim-rect left="20"/></adjust-crop>',
    ):
        below = by_name(over(adjusted), "A")
        assert below.decision.value == "render"
        assert any("lets it through" in warning for warning in below.warnings)


def test_41_captions_are_no_pictures(cut: Cut) -> None:
    caption = (
        '<caption name="line" lane="1" offset="4s" duration="2s" role="iTT?captionFormat=ITT.fr">'
        "<text>Bonjour</text></caption>"
    )
    plan = cut.plan(shown("A", inside=caption + spoken()))
    assert decisions(plan) == {"A": "render"}
    assert not plan.clips[0].warnings


@pytest.mark.parametrize("enabled", ["0", "1"])
def test_20_a_disabled_connected_clip_hides_nothing(cut: Cut, enabled: str) -> None:
    top = f'<asset-clip ref="B" name="B" lane="1" offset="4s" duration="2s" enabled="{enabled}"/>'
    plan = cut.plan(shown("A", inside=top + spoken()))
    assert (by_name(plan, "A").decision.value == "leave") == (enabled == "1")
