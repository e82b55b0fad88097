"""Words in many languages, written for this project, and made-up words that sound like them.

Lips do not mind grammar: a line is a few words in a row. Each word, real or made up, belongs to one
split by its spelling, so a held-out line shares none with what was learned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .splits import Split, split_of


@dataclass(frozen=True)
class Language:
    """How a language is written here.

    Attributes:
        words: some common ones.
        onsets, nuclei, codas: pieces of made-up syllables.
    """

    words: tuple[str, ...]
    onsets: tuple[str, ...]
    nuclei: tuple[str, ...]
    codas: tuple[str, ...] = ("",)


def _language(words: str, onsets: str, nuclei: str, codas: str = "") -> Language:
    return Language(
        tuple(words.split()), tuple(onsets.split()), tuple(nuclei.split()), ("", *codas.split())
    )


_LATIN = "b d f g k l m n p r s t v br dr fl kr pl st tr"
LANGUAGES: dict[str, Language] = {
    "en": _language(
        "mother father brother people window table water morning evening summer winter garden "
        "music paper letter coffee bread apple butter house street bridge river boat storm "
        "mountain village doctor teacher camera picture film voice mouth word sentence number "
        "seven five twelve twenty before after under over maybe never always sometimes because "
        "want have give take bring keep leave open close begin finish remember forget believe "
        "think thought bought brought laugh jump walk move stop wait watch listen speak tell ask "
        "blue purple yellow white warm cold small large beautiful famous perfect possible simple "
        "we you they somebody nobody everything something where when why how please thank "
        "problem purpose moment movement public pepper bottle rabbit february thousand weather "
        "mouth truth youth rhythm south north birthday",
        _LATIN + " th sh ch w j h wh", "a e i o u ee oo ou ai aw", "m n p t s th sh f b ng"),
    "de": _language(
        "mutter vater bruder schwester fenster wasser morgen abend sommer winter garten musik "
        "papier brief brot apfel butter haus brücke fluss sturm berg dorf bild stimme wort zahl "
        "fünf sieben zwölf vielleicht niemals immer weil haben geben nehmen bringen öffnen warten "
        "sprechen blau weiß klein groß schön möglich wunderbar",
        _LATIN + " sch z pf w", "a e i o u ä ö ü ei au eu ie", "m n t s ch f b rt"),
    "fr": _language(
        "maman papa frère fenêtre table matin soir été hiver jardin musique papier lettre pomme "
        "beurre maison pont bateau tempête montagne village image bouche mot phrase nombre cinq "
        "sept vingt peut-être jamais toujours parce vouloir donner prendre ouvrir fermer attendre "
        "parler bleu blanc petit beau possible fameux",
        _LATIN + " ch j gn", "a e i o u é è ou eu an on in oi", "m n t l r p"),
    "es": _language(
        "madre padre hermano ventana mesa agua mañana tarde verano invierno jardín música papel "
        "carta pan manzana casa puente río barco tormenta montaña pueblo imagen boca palabra "
        "número cinco siete veinte nunca siempre porque querer dar tomar abrir cerrar esperar "
        "hablar azul blanco pequeño hermoso posible",
        _LATIN + " ch ll ñ", "a e i o u ue ie", "n s r l"),
    "it": _language(
        "mamma padre fratello finestra tavolo acqua mattina sera estate inverno giardino musica "
        "lettera pane mela burro casa ponte fiume barca tempesta montagna immagine bocca parola "
        "numero cinque sette venti forse sempre perché dare prendere aprire chiudere parlare "
        "bianco piccolo bello possibile", _LATIN + " gn", "a e i o u uo ie", "n r l"),
    "pt": _language(
        "mãe pai irmão janela mesa água manhã tarde verão inverno jardim papel carta pão maçã "
        "manteiga casa ponte barco montanha imagem boca palavra número cinco sete vinte nunca "
        "sempre porque querer abrir fechar falar azul branco pequeno bonito",
        _LATIN + " lh nh ch", "a e i o u ão ei ou", "s r l m"),
    "nl": _language(
        "moeder vader broer raam tafel water morgen avond zomer winter tuin muziek papier brief "
        "brood appel boter huis brug rivier boot storm berg dorp beeld mond woord getal vijf zeven "
        "twintig misschien nooit altijd omdat geven nemen openen wachten spreken blauw wit klein",
        _LATIN + " sch z w", "a e i o u oe ui ij ee oo", "m n t s k p"),
    "pl": _language(
        "matka ojciec brat okno stół woda rano wieczór lato zima ogród muzyka papier list chleb "
        "jabłko masło dom most rzeka łódź burza góra wieś obraz usta słowo pięć siedem dwadzieścia "
        "może nigdy zawsze dawać otwierać mówić niebieski biały mały piękny",
        _LATIN + " sz cz ż w", "a e i o u y ą ę", "m n t k ł"),
    "sv": _language(
        "mamma pappa bror fönster bord vatten morgon kväll sommar vinter trädgård musik papper "
        "brev bröd äpple smör hus bro flod båt storm berg bild mun ord tal fem sju tjugo kanske "
        "aldrig alltid därför vänta tala blå vit liten vacker möjlig",
        _LATIN + " sj h", "a e i o u y å ä ö", "m n t s k l"),
    "fi": _language(
        "äiti isä veli ikkuna pöytä vesi aamu ilta kesä talvi puutarha musiikki paperi kirje leipä "
        "omena voi talo silta joki vene myrsky vuori kylä kuva suu sana luku viisi seitsemän ehkä "
        "koskaan aina antaa avata puhua sininen valkoinen pieni kaunis",
        "h k l m n p r s t v j", "a e i o u y ä ö aa ii uu", "n s l"),
    "tr": _language(
        "anne baba kardeş pencere masa su sabah akşam yaz kış bahçe müzik kağıt mektup ekmek elma "
        "ev köprü nehir fırtına dağ köy resim ağız kelime sayı beş yedi yirmi belki asla çünkü "
        "vermek almak açmak konuşmak mavi beyaz küçük güzel",
        "b d f g k l m n p r s t v y ş ç", "a e i o u ı ö ü", "m n k l r"),
    "id": _language(
        "ibu bapak jendela meja air pagi malam musim taman musik kertas surat roti apel rumah "
        "jembatan sungai perahu badai gunung desa gambar mulut kata angka lima tujuh mungkin "
        "selalu karena memberi membuka menunggu bicara biru putih kecil",
        "b d g k l m n p r s t w y", "a e i o u", "m n ng t k"),
    "ru": _language(
        "мама папа брат окно вода утро вечер лето зима музыка бумага письмо хлеб яблоко масло дом "
        "мост река лодка буря гора образ слово пять семь двадцать может никогда всегда потому "
        "открыть говорить синий белый маленький",
        "б в г д ж з к л м н п р с т ф ш", "а е и о у ы я ю", "м н т к л"),
    "el": _language(
        "μητέρα πατέρας παράθυρο νερό πρωί βράδυ καλοκαίρι μουσική χαρτί γράμμα ψωμί μήλο βούτυρο "
        "σπίτι γέφυρα ποτάμι βάρκα βουνό εικόνα στόμα πέντε επτά ποτέ πάντα δίνω ανοίγω μιλάω μπλε",
        "β γ δ θ κ λ μ ν π ρ σ τ φ μπ", "α ε ι ο ου", "ς ν"),
    "da": _language(
        "mor far bror vindue bord vand morgen aften sommer vinter have musik papir brev brød æble "
        "smør hus bro båd storm bjerg billede mund ord tal fem syv tyve måske aldrig altid vente "
        "tale blå hvid lille smuk", _LATIN + " h", "a e i o u y å æ ø", "m n t s k l"),
    "sk": _language(
        "mama otec brat okno stôl voda ráno večer leto zima záhrada hudba papier list chlieb "
        "jablko maslo dom most rieka loď búrka obraz ústa slovo päť sedem možno nikdy vždy dávať "
        "hovoriť modrý biely malý pekný", _LATIN + " š č ž", "a e i o u y á ô", "m n t k"),
    "ro": _language(
        "mama tata frate fereastră masă apă dimineață seară vară iarnă grădină muzică hârtie pâine "
        "măr unt casă pod râu barcă furtună munte sat imagine gură cuvânt cinci șapte poate mereu "
        "pentru deschide vorbi albastru alb mic frumos",
        _LATIN + " ș ț", "a e i o u ă â oa", "m n t s r"),
    "hu": _language(
        "anya apa testvér ablak asztal víz reggel este nyár tél kert zene papír levél kenyér alma "
        "vaj ház híd folyó hajó vihar hegy falu kép száj szó szám öt hét talán soha mindig adni "
        "beszél kék fehér kicsi szép",
        "b d f g k l m n p r sz t v cs gy", "a e i o u á é ö ü", "m n t k l"),
    "hr": _language(
        "majka otac brat prozor stol voda jutro večer ljeto zima vrt glazba papir pismo kruh "
        "jabuka maslac kuća most rijeka brod oluja planina slika usta riječ pet sedam možda nikad "
        "uvijek dati govoriti plav bijel malen lijep",
        _LATIN + " š č ž lj", "a e i o u", "m n t k r"),
}  # fmt: skip
"""By the first part of an eSpeak NG language code."""

_MADE_UP = 0.45
_TRIES = 400


def random_line(language: str, rng: np.random.Generator, split: Split, count: int) -> str:
    """A few words of a language, all of one split.

    Args:
        language: a key of :data:`LANGUAGES`.
        count: words.
    """
    words = [_word(LANGUAGES[language], language, rng, split) for _ in range(count)]
    if count > 4:
        words[int(rng.integers(1, count - 2))] += ","
    return " ".join(words) + str(rng.choice((".", ".", "?", "!")))


def _word(language: Language, code: str, rng: np.random.Generator, split: Split) -> str:
    """Drawn until one belongs to the split: a tenth of all do, of the smallest."""
    for _ in range(_TRIES):
        if rng.random() < _MADE_UP:
            word = _made_up(language, rng)
        else:
            word = language.words[rng.integers(len(language.words))]
        # a spelling is one word in every language: it must not cross over by another one
        if split_of("word", word) == split:
            return word
    raise RuntimeError(f"no word of {code} in {split}")


def _made_up(language: Language, rng: np.random.Generator) -> str:
    def piece(pieces: tuple[str, ...]) -> str:
        return pieces[rng.integers(len(pieces))]

    syllables = [piece(language.onsets) + piece(language.nuclei) for _ in range(rng.integers(1, 4))]
    return "".join(syllables) + piece(language.codas)
