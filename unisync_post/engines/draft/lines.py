"""Synthetic lines: speech whose sounds are known to the millisecond, for the training recipe only.

The sentences are our own; eSpeak NG speaks them in many voices (see
:mod:`unisync_model.characters.speech`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from unisync_model.characters.mouths import is_closure
from unisync_model.characters.speech import Phoneme, mouth_curve, synthesise

from .lessons import STEP, Lesson, grid_mel

VOICES = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f4", "+f5")
"""Voice variants of eSpeak NG; the last one is kept for testing."""

SENTENCES: dict[str, tuple[str, ...]] = {
    "en-us": (
        "The boat came back before the storm, and nobody on the pier could believe it.",
        "Please put the map on the table, my brother wants to see where we have been.",
        "I never said that you were wrong, I only asked why you were laughing.",
        "Mum bought five apples, two pears and a big piece of blue cheese.",
        "Who told you to open that window in the middle of February?",
        "We should have left an hour ago, but the road was covered with snow.",
        "Can you hear the music? It seems to be coming from the old house.",
        "If he jumps from the bridge, somebody must be there with a rope.",
    ),
    "en": (
        "Perhaps we ought to wait until the judge has finished his breakfast.",
        "A thousand people were watching when the bell rang for the last time.",
        "You may keep the camera, but promise me you will not use the film.",
        "Father thought the weather was rather rough for bathing.",
        "She sells maps of places that have never been on any map.",
        "Bob, the pump is broken again and the basement is full of water.",
    ),
    "fr": (
        "Mon petit bateau bleu est parti hier matin avec tous ses passagers.",
        "Où est-ce que tu as mis les papiers que le ministre m'avait demandés?",
        "Je ne sais pas pourquoi il pleut toujours quand nous partons en vacances.",
        "Maman prépare une bonne soupe au poulet pour toute la famille.",
        "Vous pouvez bien me le dire, personne ne nous écoute ici.",
        "Il faut que le public comprenne ce qui s'est passé ce jour-là.",
        "Deux vieux messieurs jouaient aux cartes sous un parapluie jaune.",
    ),
    "de": (
        "Mein Bruder möchte morgen früh mit dem Boot über den Fluss fahren.",
        "Bitte machen Sie das Fenster zu, es ist heute wirklich viel zu kalt.",
        "Warum hast du mir nicht gesagt, dass die Probe schon begonnen hat?",
        "Der Bäcker backt jeden Abend ein paar Brote für die Nachbarn.",
        "Wir müssen pünktlich am Bahnhof sein, sonst verpassen wir den Zug.",
        "Das Publikum blieb stumm, bis der letzte Ton verklungen war.",
    ),
    "es": (
        "Mi abuela compró pan blanco y un poco de miel para el desayuno.",
        "No entiendo por qué siempre me preguntas lo mismo todas las mañanas.",
        "Los hombres bajaron del barco y subieron por el camino viejo.",
        "¿Puedes abrir la puerta? Ahí fuera hace demasiado frío.",
        "Ayer vimos una película muy bonita sobre un pueblo sin nombre.",
        "El bombero puso la bomba de agua junto al pozo.",
    ),
    "it": (
        "Il mio bambino mangia sempre una mela prima di dormire.",
        "Perché non mi hai detto che la porta era già aperta?",
        "Abbiamo camminato per ore lungo il fiume senza vedere nessuno.",
        "Prima o poi qualcuno dovrà pagare per questo ponte.",
        "Una bella giornata comincia con un buon bicchiere d'acqua.",
    ),
    "pt-br": (
        "O meu pai comprou um barco pequeno para pescar no fim de semana.",
        "Você pode me explicar por que ninguém abriu a porta?",
        "Amanhã bem cedo vamos subir a montanha com os nossos primos.",
        "A banda tocou a mesma música até o público ir embora.",
    ),
    "ru": (
        "Мой брат пришёл домой поздно и ничего не сказал маме.",
        "Почему вы не предупредили нас, что мост закрыт?",
        "Большая белая собака бежала по берегу за рыбаками.",
        "Пожалуйста, помогите мне поднять этот ящик на полку.",
        "Утром было очень тихо, только вода шумела под окном.",
    ),
    "pl": (
        "Mój brat pojechał wczoraj pociągiem do babci nad morze.",
        "Proszę powiedzieć, dlaczego nikt nie otworzył bramy.",
        "Po południu padał deszcz, więc zostaliśmy w domu.",
    ),
    "cmn": (
        "我们明天早上八点半在门口等你的爸爸妈妈。",
        "请不要把杯子放在旁边的白色桌子上。",
        "他说这部电影没有什么特别的意思。",
    ),
    "ja": (
        "わたしのぼうしはまだバスのなかにあるとおもいます。",
        "まいあさパンとミルクをたべてからでかけます。",
        "このへやのまどをあけてもいいですか。",
    ),
}


def synthetic_lessons(seed: int = 0, variants: int = 2) -> tuple[list[Lesson], list[Lesson]]:
    """Lines to learn from, and one line in six, in voices of its own, to test with.

    Raises:
        SpeechError: eSpeak NG is not installed.
    """
    rng = np.random.default_rng(seed)
    train: list[Lesson] = []
    test: list[Lesson] = []
    for number, (voice, text) in enumerate(_texts()):
        held = number % 6 == 5
        names = VOICES[-1:] if held else rng.choice(VOICES[:-1], variants, replace=False)
        for variant in names:
            speed, pitch = int(rng.integers(125, 210)), int(rng.integers(25, 75))
            lesson = spoken(text, f"{voice}{variant}", speed, pitch)
            (test if held else train).append(lesson)
    return train, test


def _texts() -> Iterator[tuple[str, str]]:
    for voice, texts in SENTENCES.items():
        for text in texts:
            yield voice, text


def spoken(text: str, voice: str, speed: int, pitch: int) -> Lesson:
    """One line as a lesson: the rule-based mouth of its phonemes, and its bilabials."""
    utterance = synthesise(text, voice, speed=speed, pitch=pitch)
    seconds = Fraction(len(utterance.samples), utterance.sample_rate)
    length = int(seconds / STEP)
    curve = mouth_curve(utterance.phonemes, 1 / STEP, length)
    lips = curve[:, :2].T
    scaled = (lips - lips.mean(1, keepdims=True)) / (lips.std(1, keepdims=True) + 1e-6)
    return Lesson(
        name=f"{voice}: {text}",
        person=voice,
        mel=grid_mel(utterance.samples, utterance.sample_rate, length),
        lips=scaled.astype(np.float32),
        seen=np.ones(length, np.float32),
        closed=_closures(utterance.phonemes, length),
    )


def _closures(phonemes: Sequence[Phoneme], length: int) -> NDArray[np.float32]:
    """(length,) 1 while the lips are together; a closure between two outputs still counts."""
    times = np.arange(length) * float(STEP)
    closed = np.zeros(length, np.float32)
    for phoneme in phonemes:
        if is_closure(phoneme.symbol):
            inside = (times >= float(phoneme.start)) & (times < float(phoneme.end))
            inside[np.abs(times - float(phoneme.start + phoneme.end) / 2).argmin()] = True
            closed[inside] = 1
    return closed
