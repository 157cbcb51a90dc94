"""What made people write: a few sentences, by how content they are."""

REVIEWS = {
    1: ("Broken on arrival", "It came broken and nobody answers. I want my money back."),
    2: ("Not what I hoped for", "The colour is wrong and it feels cheap."),
    3: ("It is all right", "Does what it should, no more than that."),
    4: ("Good", "Good quality and quick delivery, the box was a little damaged."),
    5: ("Love it", "Beautiful, exactly as shown. I will order again!"),
}
MENTIONS = (
    "Just got my parcel from this shop, so happy with it!",
    "Three weeks and still no delivery. Never again.",
    "Does anyone know whether their lamps are any good?",
)
TICKETS = (
    ("delivery", "Where is my order?", "My parcel has not arrived yet, can you tell me where it is?"),
    ("payment", "Charged twice", "You have taken the money twice, please check."),
    ("product", "A part is missing", "A screw is missing in the box. Can you send one?"),
    ("account", "Cannot sign in", "I cannot sign in any more since yesterday."),
)
ISSUES = ("The button on this page does nothing.", "The pictures do not load.")
SEARCHES = ("lamp", "mug", "garden chair", "birthday card", "candle", "clock", "toy train", "tea towel")
