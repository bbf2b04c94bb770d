"""What the demo shop sells: its category tree, its brands and the words on its goods."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Leaf:
    """A category of goods at the end of the tree.

    Args:
        path: below the top category, as 'b > c'.
        goods: nouns for titles; the first is also what people search for.
        prices: the usual cheapest and dearest.
        note: ends every description.
        goes_with: the last word of the leaf that bundles take the other item from.
        is_used_up: people come back for the same item.
    """

    path: str
    goods: tuple[str, ...]
    prices: tuple[float, float]
    note: str
    goes_with: str
    is_used_up: bool = False


TREE: dict[str, tuple[Leaf, ...]] = {
    "Kitchen": (
        Leaf("Coffee > Beans", ("espresso beans", "filter coffee", "crema beans"), (8, 24), "slowly roasted, by hand", "Machines", True),
        Leaf("Coffee > Machines", ("espresso machine", "coffee grinder", "French press"), (35, 420), "ready in under a minute", "Beans"),
        Leaf("Cookware > Pans", ("frying pan", "saucepan", "wok"), (18, 140), "oven-proof, fits every hob", "Knives"),
        Leaf("Cutlery > Knives", ("chef's knife", "bread knife", "paring knife"), (12, 160), "sharpened by hand", "Pans"),
    ),
    "Home": (
        Leaf("Bedroom > Linen", ("duvet cover", "pillow case", "fitted sheet"), (14, 95), "combed cotton, washable at 60 °C", "Candles"),
        Leaf("Lighting > Lamps", ("floor lamp", "desk lamp", "pendant lamp"), (22, 210), "warm white, dimmable", "Baskets"),
        Leaf("Storage > Baskets", ("laundry basket", "storage box", "wall shelf"), (9, 60), "folds flat when not in use", "Linen"),
        Leaf("Decor > Candles", ("scented candle", "pillar candle", "tea lights"), (5, 32), "burns for up to 40 hours", "Lamps", True),
    ),
    "Garden": (
        Leaf("Plants > Seeds", ("wildflower seeds", "tomato seeds", "herb seeds"), (2, 9), "open-pollinated, last season's", "Tools", True),
        Leaf("Work > Tools", ("hand trowel", "pruning shears", "watering can"), (9, 70), "handle of untreated ash", "Seeds"),
        Leaf("Outdoor > Barbecue", ("kettle barbecue", "grill tongs", "charcoal starter"), (12, 260), "of stainless steel", "Tools"),
    ),
    "Kids": (
        Leaf("Baby > Nappies", ("nappies", "wet wipes", "training pants"), (6, 38), "soft, without fragrance", "Toys", True),
        Leaf("Play > Toys", ("building set", "wooden train", "shape sorter"), (12, 90), "from three years", "Games"),
        Leaf("Play > Games", ("board game", "card game", "memory game"), (8, 45), 'for two to six players, "no batteries"', "Toys"),
        Leaf("School > Backpacks", ("school backpack", "pencil case", "lunch box"), (9, 120), "with reflective strips", "Games"),
    ),
    "Sport": (
        Leaf("Running > Shoes", ("running shoes", "trail shoes", "racing flats"), (60, 190), "neutral, 8 mm drop", "Nutrition"),
        Leaf("Running > Nutrition", ("energy gels", "protein bars", "electrolyte tabs"), (4, 35), "vegan, tested", "Shoes", True),
        Leaf("Cycling > Spares", ("bike light", "inner tube", "bike pump"), (6, 80), "fits 28″ wheels", "Nutrition"),
        Leaf("Yoga > Mats", ("yoga mat", "yoga block", "foam roller"), (12, 85), "non-slip, free of PVC", "Nutrition"),
    ),
    "Electronics": (
        Leaf("Audio > Headphones", ("headphones", "earbuds", "headset"), (19, 330), "30 hours of battery", "Chargers"),
        Leaf("Audio > Speakers", ("bluetooth speaker", "soundbar", "shelf speaker"), (25, 480), "splash-proof", "Chargers"),
        Leaf("Computing > Keyboards", ("mechanical keyboard", "wireless mouse", "laptop stand"), (18, 190), 'QWERTZ, 15"', "Headphones"),
        Leaf("Power > Chargers", ("usb-c charger", "power bank", "charging cable"), (7, 75), "charges to half in 20 minutes", "Keyboards"),
    ),
    "Fashion": (
        Leaf("Women > Dresses", ("summer dress", "shirt dress", "maxi dress"), (29, 160), "midi length, with pockets", "Bags"),
        Leaf("Women > Knitwear", ("merino jumper", "cardigan", "roll-neck"), (35, 150), "wash by hand", "Bags"),
        Leaf("Men > Shirts", ("oxford shirt", "linen shirt", "flannel shirt"), (25, 110), "regular fit", "Knitwear"),
        Leaf("Accessories > Bags", ("tote bag", "shoulder bag", "belt bag"), (15, 220), "vegetable-tanned leather", "Dresses"),
    ),
    "Beauty": (
        Leaf("Skin > Creams", ("face cream", "night serum", "sun cream SPF 50"), (9, 75), "for sensitive skin", "Shampoo", True),
        Leaf("Hair > Shampoo", ("shampoo", "conditioner", "hair mask"), (5, 34), "without silicones", "Creams", True),
        Leaf("Fragrance > Perfume", ("eau de parfum", "eau de toilette", "body mist"), (19, 140), "top note of bergamot", "Creams"),
    ),
}  # fmt: skip

BRANDS: dict[str, tuple[str, ...]] = {
    "Kitchen": ("Röstwerk", "Panetta", "Klingen & Co", "Morgenrot"),
    "Home": ("Hyggelund", "Lumenhaus", "Nordstube", "Cotta"),
    "Garden": ("Grünzeug", "Fernhill", "Spatenstich"),
    "Kids": ("Wunderklotz", "Pippa", "Kleinwolf", "Bärenstark"),
    "Sport": ("Strato", "Laufgut", "Velo Nove", "Asana"),
    "Electronics": ("Tonkraft", "Voltaic", "Keyform", "Orbit"),
    "Fashion": ("Maison Lys", "Fadenwerk", "Oslo Row", "Tessuto"),
    "Beauty": ("Aqualis", "Derma Nord", "Belle Étoile"),
}

QUALITIES = (
    "Classic", "Nordic", "Compact", "Premium", "Everyday", "Studio", "Alpine", "Urban", "Natural", "Signature", "Light", "Heritage",
)  # fmt: skip
