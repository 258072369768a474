"""What is on in the demo: venues, halls, events, and shows by days from today and the venue's wall clock.

Plain values; ``actors.demo`` puts them into the store.  Nobody and nothing in here exists."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import NamedTuple

from actors import demo_halls
from sagas import clock
from sagas.seat_plan import PlanSection


class DemoVenue(NamedTuple):
    """``slug`` names it for ever: its id follows from that."""

    slug: str
    name: str
    city: str
    country: str
    address: str
    time_zone: str
    latitude: float
    longitude: float
    opens: str = "09:00"
    closes: str = "23:30"


class DemoHall(NamedTuple):
    venue: DemoVenue
    name: str
    sections: Callable[[], list[PlanSection]]


class DemoShow(NamedTuple):
    """So many days from today, at this time on the venue's wall clock."""

    days: int
    at: str
    sale_opens_in_days: int = 0
    hold_seconds: int = 300
    max_seats_per_buyer: int | None = None


class DemoEvent(NamedTuple):
    """``prices`` are minor units by the tier of a section."""

    slug: str
    title: str
    kind: str
    language: str
    rating: str
    duration_minutes: int
    description: str
    tags: tuple[str, ...]
    hall: DemoHall
    currency: str
    prices: dict[str, int]
    shows: tuple[DemoShow, ...]


def starts_at(show: DemoShow, venue: DemoVenue, now: datetime) -> datetime:
    """The moment at which the show starts, counted from today where the venue is."""
    day = clock.in_zone(now, venue.time_zone).date() + timedelta(days=show.days)
    return datetime.combine(day, time.fromisoformat(show.at), clock.zone(venue.time_zone))


IST = "Asia/Kolkata"

BANYAN = DemoVenue(
    "banyan-playhouse",
    "The Banyan Playhouse",
    "Bengaluru",
    "IN",
    "14 Lantana Road, Malleshwaram",
    IST,
    13.0031,
    77.5701,
)
RIVERSIDE = DemoVenue(
    "riverside-theatre", "Riverside Theatre", "Pune", "IN", "3 Ghat Lane, Shivajinagar", IST, 18.5314, 73.8446
)
COROMANDEL = DemoVenue(
    "coromandel-hall",
    "Coromandel Concert Hall",
    "Chennai",
    "IN",
    "88 Casuarina Avenue, Mylapore",
    IST,
    13.0339,
    80.2695,
)
TIDAL = DemoVenue(
    "tidal-arena", "Tidal Arena", "Mumbai", "IN", "1 Creek Road, Sewri", IST, 18.9986, 72.8588, "10:00", "00:30"
)
HOOGHLY = DemoVenue(
    "hooghly-talkies", "Hooghly Talkies", "Kolkata", "IN", "27 Tramline Street, Bhowanipore", IST, 22.5354, 88.3466
)
DECCAN = DemoVenue(
    "deccan-congress", "Deccan Congress Centre", "Hyderabad", "IN", "5 Granite Park, Gachibowli", IST, 17.4401, 78.3489
)
YAMUNA = DemoVenue(
    "yamuna-stadium", "Yamuna Indoor Stadium", "Delhi", "IN", "Gate 4, Ring Road East", IST, 28.6315, 77.2487
)
CELLAR = DemoVenue(
    "cellar-club", "The Cellar", "Mumbai", "IN", "Basement, 9 Printers' Row, Lower Parel", IST, 18.9949, 72.8258,
    "18:00", "01:30",
)  # fmt: skip
SABARMATI = DemoVenue(
    "sabarmati-science", "Sabarmati Science Centre", "Ahmedabad", "IN", "40 Riverfront Road", IST, 23.0388, 72.5731
)
SHINONOME = DemoVenue(
    "shinonome-hall", "Shinonome Hall", "Tokyo", "JP", "2-6-11 Shinonome, Koto", "Asia/Tokyo", 35.6406, 139.8036
)
SEEF = DemoVenue(
    "seef-house", "Seef House", "Kuwait City", "KW", "12 Harbour Street, Sharq", "Asia/Kuwait", 29.3836, 47.9902,
    "16:00", "00:30",
)  # fmt: skip

BANYAN_STAGE = DemoHall(BANYAN, "Main stage", demo_halls.theatre)
RIVERSIDE_STAGE = DemoHall(RIVERSIDE, "Main stage", demo_halls.theatre)
COROMANDEL_HALL = DemoHall(COROMANDEL, "Great hall", demo_halls.concert_hall)
TIDAL_BOWL = DemoHall(TIDAL, "Arena, standing floor", demo_halls.arena)
HOOGHLY_ONE = DemoHall(HOOGHLY, "Screen 1", demo_halls.cinema)
HOOGHLY_TWO = DemoHall(HOOGHLY, "Screen 2", demo_halls.cinema)
DECCAN_HALL = DemoHall(DECCAN, "Hall 1", demo_halls.congress_hall)
YAMUNA_COURT = DemoHall(YAMUNA, "Centre court", demo_halls.stadium)
CELLAR_ROOM = DemoHall(CELLAR, "The room", demo_halls.club)
SABARMATI_ROOM = DemoHall(SABARMATI, "Lecture room", demo_halls.lecture_room)
SHINONOME_HALL = DemoHall(SHINONOME, "Small hall", demo_halls.theatre)
SEEF_ROOM = DemoHall(SEEF, "Courtyard", demo_halls.club)

THEATRE_PRICES = {"Premium": 1_500_00, "Standard": 900_00, "Balcony": 500_00}
CINEMA_PRICES = {"Recliner": 650_00, "Prime": 380_00, "Classic": 220_00}
CLUB_PRICES = {"Front": 1_200_00, "Standard": 799_00, "Bar": 499_00}

EVENTS: tuple[DemoEvent, ...] = (
    DemoEvent(
        "salt-ledger", "The Salt Ledger", "theatre", "English", "UA 13+", 135,
        "Bombay, 1931. A customs clerk who has never told a lie is asked to keep two sets of books. A new play in two "
        "acts about arithmetic, marriage and the price of salt. One interval.",
        ("drama", "new writing"), BANYAN_STAGE, "INR", THEATRE_PRICES,
        (DemoShow(1, "19:30"), DemoShow(2, "19:30"), DemoShow(8, "15:30"), DemoShow(8, "19:30")),
    ),
    DemoEvent(
        "aamras", "Aamras", "theatre", "Marathi", "U", 110,
        "Three sisters, one orchard and a buyer from Dubai who arrives a day early. A family comedy with live "
        "harmonium, in Marathi with English surtitles.",
        ("comedy", "family", "surtitles"), RIVERSIDE_STAGE, "INR",
        {"Premium": 1_100_00, "Standard": 700_00, "Balcony": 400_00},
        (DemoShow(5, "18:30"), DemoShow(6, "12:00"), DemoShow(12, "18:30")),
    ),
    DemoEvent(
        "monsoon-frequencies", "Monsoon Frequencies", "concert", "Hindi, English", "12+", 180,
        "Eleven bands, one weather system. A night of indie rock, dub and electronic music on the largest stage of the "
        "season, with a standing floor right up to the barrier. Doors two hours before.",
        ("indie", "electronic", "standing"), TIDAL_BOWL, "INR",
        {"Gold": 9_500_00, "Silver": 6_500_00, "Front": 5_500_00, "Floor": 3_500_00, "Bronze": 1_800_00},
        (DemoShow(20, "19:00", max_seats_per_buyer=8), DemoShow(21, "19:00", 2, max_seats_per_buyer=8)),
    ),
    DemoEvent(
        "morning-ragas", "An Evening of Morning Ragas", "concert", "Instrumental", "U", 150,
        "Why should dawn have all the best music? Veena, violin, mridangam and ghatam in a programme of ragas that are "
        "never heard after breakfast. Free tea in the interval.",
        ("classical", "Carnatic"), COROMANDEL_HALL, "INR",
        {"Platinum": 2_500_00, "Gold": 1_800_00, "Silver": 1_000_00, "Bronze": 450_00},
        (DemoShow(4, "18:00"), DemoShow(11, "18:00")),
    ),
    DemoEvent(
        "last-ferry", "The Last Ferry to Majuli", "film", "Assamese", "UA 7+", 118,
        "A ferryman has one day to bring back everyone who ever left the island. Assamese with English subtitles; the "
        "director answers questions after the first show.",
        ("subtitles", "festival"), HOOGHLY_ONE, "INR", CINEMA_PRICES,
        (DemoShow(2, "18:15"), DemoShow(3, "14:30"), DemoShow(3, "18:15"), DemoShow(3, "21:30"), DemoShow(9, "18:15")),
    ),
    DemoEvent(
        "paper-rockets", "Paper Rockets", "film", "Bengali", "U", 96,
        "Two cousins find their grandfather's plans for a moon rocket and enough newspaper to build it. Animation for "
        "everybody above the age of five.",
        ("animation", "children"), HOOGHLY_TWO, "INR", {"Recliner": 450_00, "Prime": 280_00, "Classic": 160_00},
        (DemoShow(2, "11:00"), DemoShow(3, "11:00"), DemoShow(9, "11:00")),
    ),
    DemoEvent(
        "herons-lynxes", "Kabaddi: Kaveri Herons v Deccan Lynxes", "match", "", "", 90,
        "Semi-final of the Peninsula Cup. The Herons have not lost at home since March; the Lynxes have not lost away. "
        "Stands open an hour before the first raid.",
        ("kabaddi", "semi-final"), YAMUNA_COURT, "INR", {"Courtside": 1_800_00, "Upper": 400_00},
        (DemoShow(7, "20:00"),),
    ),
    DemoEvent(
        "shuttle-masters", "Shuttle Masters: finals day", "match", "", "", 300,
        "Five badminton finals on one court: both singles, three doubles. Seats are kept for the whole day; leave and "
        "come back as you like.",
        ("badminton", "finals"), YAMUNA_COURT, "INR", {"Courtside": 2_200_00, "Upper": 600_00},
        (DemoShow(15, "13:00"),),
    ),
    DemoEvent(
        "small-systems", "Small Systems, Long Lives", "conference", "English", "", 540,
        "One day about software that outlives its makers: ledgers, queues, railway timetables and the people who keep "
        "them running. Fourteen talks, one track, lunch included.",
        ("software", "one track"), DECCAN_HALL, "INR", {"Delegate": 7_500_00, "General": 4_500_00},
        (DemoShow(16, "09:30"),),
    ),
    DemoEvent(
        "mildly-concerned", "Mildly Concerned", "comedy", "English, Hindi", "18+", 80,
        "An hour of stand-up about landlords, group chats and being the calm one. Drinks at the bar; standing there is "
        "cheaper and not much worse.",
        ("stand-up",), CELLAR_ROOM, "INR", CLUB_PRICES,
        # seats are kept for half a minute only: it shows what becomes of a hold that nobody pays
        (DemoShow(3, "20:00"), DemoShow(3, "22:15", hold_seconds=30), DemoShow(10, "20:00")),
    ),
    DemoEvent(
        "late-trains", "Late Trains and Other Excuses", "comedy", "Hindi", "16+", 75,
        "Four comedians, one missed connection at Itarsi Junction. Improvised from whatever the audience was late for "
        "this week.",
        ("improv",), CELLAR_ROOM, "INR", {"Front": 900_00, "Standard": 599_00, "Bar": 349_00},
        (DemoShow(4, "20:30"), DemoShow(11, "20:30")),
    ),
    DemoEvent(
        "night-sky", "Night Sky Open House", "other", "Gujarati, English", "U", 120,
        "A short talk on what is up there this month, then telescopes on the roof for as long as the clouds allow. "
        "Entry is free; a seat must be booked all the same.",
        ("free", "astronomy", "family"), SABARMATI_ROOM, "INR", {"General": 0},
        (DemoShow(6, "19:00"), DemoShow(13, "19:00")),
    ),
    DemoEvent(
        "paper-lions", "Paper Lions: a circus without animals", "other", "", "U", 105,
        "Twelve acrobats, four hundred metres of brown paper and a brass band that will not sit down. For everybody "
        "who has ever wanted to fold a lion.",
        ("circus", "family"), COROMANDEL_HALL, "INR",
        {"Platinum": 1_600_00, "Gold": 1_200_00, "Silver": 750_00, "Bronze": 350_00},
        (DemoShow(17, "17:00"), DemoShow(18, "11:00"), DemoShow(18, "17:00")),
    ),
    DemoEvent(
        "tide-drums", "Tide Drums", "concert", "Instrumental", "", 95,
        "Nine drummers and one bamboo flute follow the water of Tokyo Bay through a single day. Played without "
        "amplification and without an interval.",
        ("drums",), SHINONOME_HALL, "JPY", {"Premium": 8_800, "Standard": 6_600, "Balcony": 4_400},
        (DemoShow(14, "18:30"), DemoShow(15, "14:00")),
    ),
    DemoEvent(
        "lantern-oud", "Oud under Lanterns", "concert", "Arabic", "", 100,
        "Old songs of the pearl divers, for oud, voice and frame drum, in a courtyard by the harbour. Coffee and dates "
        "with every seat.",
        ("oud", "open air"), SEEF_ROOM, "KWD", {"Front": 18_500, "Standard": 12_250, "Bar": 7_500},
        (DemoShow(12, "20:00"),),
    ),
)  # fmt: skip
