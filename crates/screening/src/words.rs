//! General lists of words that say little about who is meant. They are sorted; made from general knowledge, not from any labelled data.

/// Titles and forms of address of major languages.
pub(crate) const TITLES: &[&str] = &[
    "admiral", "ambassador", "archbishop", "ayatollah", "baron", "bishop", "brigadier", "capt", "captain", "cardinal", "chairman", "chancellor",
    "cmdr", "col", "colonel", "commander", "count", "dame", "deputy", "doctor", "don", "dona", "dr", "duke", "emir", "eng", "engineer", "esq",
    "excellency", "father", "frau", "gen", "general", "gospodin", "governor", "hadji", "hafiz", "haji", "hajj", "hajji", "her", "herr", "highness",
    "his", "hon", "honorable", "honourable", "imam", "ing", "jr", "judge", "junior", "justice", "king", "lady", "lieutenant", "lord", "lt", "madam",
    "madame", "mademoiselle", "maj", "majesty", "major", "marshal", "maulana", "maulavi", "mawlana", "mawlawi", "minister", "miss", "mme", "monsieur",
    "mr", "mrs", "ms", "mt", "mullah", "mv", "pan", "pani", "phd", "pope", "president", "prime", "prince", "princess", "prof", "professor", "qari",
    "queen", "rabbi", "rev", "reverend", "sayed", "sayyid", "senator", "senior", "senor", "senora", "senorita", "sergeant", "sgt", "shaikh", "shaykh",
    "sheik", "sheikh", "signor", "signora", "sir", "sr", "ss", "syed", "tovarishch", "ustad", "ustadh", "vice",
];

/// Particles of names, articles and conjunctions.
pub(crate) const PARTICLES: &[&str] = &[
    "a", "abu", "ad", "af", "aka", "al", "an", "and", "ar", "as", "ash", "at", "av", "az", "ben", "bin", "bint", "binte", "binti", "bt", "by", "da",
    "das", "de", "degli", "dei", "del", "della", "dello", "den", "der", "des", "di", "do", "dos", "du", "e", "el", "et", "fka", "for", "het", "i",
    "ibn", "il", "in", "ja", "kizi", "kyzy", "la", "las", "le", "les", "lo", "los", "na", "nad", "nee", "no", "o", "och", "of", "og", "oghlu", "oglu",
    "ogly", "on", "ould", "pod", "qizi", "st", "te", "ten", "ter", "the", "u", "ud", "ul", "umm", "und", "ur", "uulu", "van", "vom", "von", "y", "zu",
    "zum", "zur",
];

/// Words that many organisations share.
pub(crate) const GENERIC: &[&str] = &[
    "associates", "business", "capital", "commercial", "compagnie", "compania", "companies", "company", "consulting", "corporation", "development",
    "enterprise", "enterprises", "finance", "financial", "firm", "general", "global", "group", "groupe", "grupo", "gruppa", "gruppe", "gruppo",
    "holding", "holdings", "industrial", "industrie", "industries", "industry", "internacional", "international", "internationale", "invest",
    "investment", "investments", "logistics", "management", "partner", "partners", "production", "products", "service", "services", "solutions",
    "supply", "system", "systems", "technologies", "technology", "trade", "trading", "ventures", "world", "worldwide",
];

/// Countries, big cities and directions.
pub(crate) const PLACES: &[&str] = &[
    "afghanistan", "africa", "aires", "albania", "algeria", "america", "americas", "amsterdam", "andorra", "angeles", "angola", "ankara", "antigua",
    "arabia", "argentina", "armenia", "asia", "athens", "atlanta", "atlantic", "australia", "austria", "azerbaijan", "baghdad", "bahamas", "bahrain",
    "baku", "bangkok", "bangladesh", "barbados", "barcelona", "beijing", "beirut", "belarus", "belgie", "belgique", "belgium", "belgrade", "belize",
    "benin", "berlin", "bermuda", "bhutan", "bogota", "bolivia", "bosnia", "boston", "botswana", "brasil", "bratislava", "brazil", "britain",
    "brunei", "brussels", "bucharest", "budapest", "buenos", "bulgaria", "burkina", "burma", "burundi", "cairo", "california", "cambodia", "cameroon",
    "canada", "caracas", "casablanca", "cayman", "central", "chad", "chengdu", "chicago", "chile", "china", "chongqing", "colombia", "comoros",
    "congo", "copenhagen", "croatia", "cuba", "cyprus", "czech", "czechia", "dallas", "damascus", "danmark", "delaware", "delhi", "denmark",
    "deutschland", "dhaka", "djibouti", "doha", "dominica", "dominican", "dubai", "dublin", "east", "eastern", "ecuador", "edinburgh", "egypt",
    "emirates", "england", "eritrea", "espana", "estonia", "eswatini", "ethiopia", "europa", "europe", "fiji", "finland", "florida", "france",
    "frankfurt", "gabon", "gambia", "gb", "geneva", "georgia", "germany", "ghana", "gibraltar", "greece", "grenada", "guangdong", "guangzhou",
    "guatemala", "guernsey", "guinea", "guyana", "haiti", "hamburg", "hanoi", "havana", "hellas", "helsinki", "holland", "honduras", "hong",
    "hongkong", "houston", "hrvatska", "hungary", "iceland", "india", "indonesia", "iran", "iraq", "ireland", "israel", "istanbul", "italia", "italy",
    "jakarta", "jamaica", "japan", "jeddah", "jersey", "jerusalem", "johannesburg", "jordan", "kabul", "karachi", "kazakhstan", "kazan", "kenya",
    "kharkiv", "kiev", "kong", "korea", "kosovo", "kuala", "kuwait", "kyiv", "kyrgyzstan", "lagos", "lahore", "lanka", "laos", "latvia", "lebanon",
    "lesotho", "liberia", "libya", "liechtenstein", "lima", "lisbon", "lithuania", "london", "lumpur", "luxembourg", "macao", "macau", "macedonia",
    "madagascar", "madrid", "magyarorszag", "malawi", "malaysia", "maldives", "mali", "malta", "manchester", "manila", "maroc", "mauritania",
    "mauritius", "melbourne", "mexico", "miami", "milan", "minsk", "moldova", "monaco", "mongolia", "montenegro", "montreal", "morocco", "moscow",
    "moskva", "mozambique", "mumbai", "munich", "myanmar", "nagoya", "nairobi", "namibia", "nanjing", "nederland", "nepal", "netherlands",
    "nicaragua", "niger", "nigeria", "norge", "north", "northern", "norway", "novosibirsk", "odessa", "oman", "osaka", "oslo", "osterreich", "ottawa",
    "pacific", "pakistan", "palau", "palestine", "panama", "paraguay", "paris", "paulo", "peru", "petersburg", "philippines", "poland", "polska",
    "portugal", "prague", "praha", "pyongyang", "qatar", "riga", "riyadh", "romania", "rome", "rossiya", "russia", "russian", "rwanda", "samoa",
    "santiago", "sao", "sarajevo", "saudi", "schweiz", "scotland", "senegal", "seoul", "serbia", "seychelles", "shanghai", "shenzhen", "singapore",
    "slovakia", "slovenia", "sofia", "somalia", "south", "southern", "spain", "sri", "states", "stockholm", "sudan", "suisse", "suomi", "suriname",
    "sverige", "sweden", "switzerland", "sydney", "syria", "taipei", "taiwan", "tajikistan", "tallinn", "tanzania", "tashkent", "tbilisi", "tehran",
    "texas", "thailand", "tianjin", "togo", "tokyo", "tonga", "toronto", "tripoli", "tunis", "tunisia", "turin", "turkey", "turkiye", "turkmenistan",
    "uae", "uganda", "uk", "ukraine", "ulaanbaatar", "uruguay", "us", "usa", "uzbekistan", "vancouver", "vanuatu", "vatican", "venezuela", "vienna",
    "vietnam", "vilnius", "vladivostok", "wales", "warsaw", "washington", "west", "western", "wuhan", "yemen", "yerevan", "york", "zagreb", "zambia",
    "zimbabwe", "zurich",
];
