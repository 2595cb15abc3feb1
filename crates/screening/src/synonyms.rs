//! Words of the names of organisations that say the same in several languages, and usual abbreviations, as one word.
//!
//! Written from general knowledge of company registers; transliterations are those that `any_ascii` makes.

macro_rules! synonyms {
    ($($word:literal: $($other:literal)+;)*) => {
        /// The word that stands for `text`, if it is one of a group that says the same.
        pub(crate) fn common(text: &str) -> Option<&'static str> {
            match text {
                $($($other)|+ => Some($word),)*
                _ => None,
            }
        }
    };
}

synonyms! {
    "airlines": "airline" "airways" "avialinii" "aerolineas" "aviakompaniia" "aviakompaniya";
    "army": "armiia" "armiya" "armee" "ejercito" "exercito";
    "association": "assoc" "assn" "assotsiatsiia" "assotsiatsiya" "asociacion" "associacao" "associazione" "stowarzyszenie" "asotsiatsiia";
    "aviation": "aviatsiia" "aviatsiya" "aviacion" "aviazione";
    "bank": "banco" "banque" "banka" "banca" "bankas" "bankasi" "banku";
    "brothers": "bros" "hermanos" "freres" "gebruder" "gebrueder" "fratelli";
    "bureau": "biuro" "byuro" "buero" "buro";
    "center": "centre" "tsentr" "centro" "zentrum" "centrum" "ctr";
    "central": "tsentralnyi" "tsentralnyy" "centrale" "zentrale";
    "commercial": "kommercheskii" "kommercheskiy" "comercial" "commerciale";
    "company": "co" "kompaniia" "kompaniya" "compagnie" "compania" "companhia" "compagnia";
    "construction": "constr" "stroitelstvo" "stroitelnaia" "stroitelnaya" "construccion" "costruzioni" "construcoes";
    "corporation": "korporatsiia" "korporatsiya" "corporacion";
    "council": "sovet" "consejo" "conseil" "consiglio";
    "defense": "defence" "oborona" "defensa" "difesa";
    "department": "dept" "departament" "departamento" "departement";
    "design": "konstruktorskoe" "konstruktorskoye";
    "development": "dev" "razvitie" "razvitiia" "razvitiya" "desarrollo" "developpement" "entwicklung" "sviluppo";
    "education": "obrazovanie" "obrazovaniia" "educacion" "bildung" "istruzione";
    "electronics": "electronic" "elektronika" "electronica" "elektronik" "electronique";
    "energy": "energiia" "energiya" "energia" "energie" "energo" "enerji";
    "engineering": "eng" "engg" "inzhiniring" "ingenieria" "ingenierie" "ingegneria";
    "enterprise": "predpriiatie" "predpriyatie" "empresa" "entreprise" "impresa" "unternehmen";
    "export": "eksport" "exportacion" "exportation";
    "factory": "zavod" "fabrika" "fabrik" "fabryka" "fabrica" "usine" "plant";
    "federal": "federalnoe" "federalnyi" "federalnaia" "federale";
    "federation": "federatsiia" "federatsiya" "federacion" "federazione";
    "foundation": "stiftung" "fundacion" "fondation" "fundacja" "fondazione" "fundacao" "vakfi";
    "front": "frente" "fronte";
    "fund": "fond" "fondo" "fonds";
    "general": "obshchii" "generale";
    "government": "govt" "pravitelstvo" "gobierno" "gouvernement" "regierung";
    "group": "grp" "gruppa" "gruppe" "groupe" "grupo" "gruppo" "grupa" "hrupa" "guruhu";
    "holding": "holdings" "kholding" "hldg" "hldgs" "holdinh";
    "hospital": "bolnitsa" "krankenhaus" "hopital" "ospedale";
    "import": "importacion" "importation";
    "industry": "industries" "industrial" "ind" "industriia" "industriya" "industria" "industrie" "promyshlennost" "sanayi";
    "institute": "inst" "institut" "instituto" "istituto" "instytut" "enstitusu";
    "insurance": "ins" "strakhovaia" "strakhovaya" "versicherung" "seguros" "assurance" "assurances" "assicurazioni" "sigorta";
    "international": "intl" "int" "mezhdunarodnyi" "mezhdunarodnaia" "internacional" "internationale" "internazionale" "uluslararasi";
    "investment": "investments" "invest" "inversiones" "investissement" "investissements" "investitsii";
    "lab": "labs" "laboratory" "laboratories" "laboratoriia" "laboratoriya" "laboratorio" "laboratoire" "laboratorija";
    "liberation": "osvobozhdenie" "osvobozhdeniia" "liberacion" "liberazione" "befreiung";
    "machine": "mashina" "mashin" "maschine" "maschinen" "machines" "maquinas";
    "management": "mgmt" "mgt" "upravlenie" "upravleniia" "gestion" "gestione";
    "manufacturing": "mfg" "manuf" "manufacture" "manufacturers";
    "marine": "morskoi" "morskaia" "maritima" "marina";
    "medical": "med" "meditsinskii" "meditsinskaia" "medizinische" "medica";
    "military": "voennyi" "voennaia" "militar" "militaire" "militare";
    "ministry": "min" "ministerstvo" "ministerio" "ministere" "ministero" "ministerium" "ministerstwo" "bakanligi";
    "movement": "dvizhenie" "movimiento" "mouvement" "movimento" "bewegung";
    "national": "natl" "natsionalnyi" "natsionalnaia" "natsionalnoe" "nacional" "nationale" "nazionale" "narodowy";
    "oil": "neft" "petroleum" "petroleo" "petrole" "petrol";
    "organization": "organisation" "org" "organizatsiia" "organizatsiya" "organizacion" "organizacao" "organizzazione";
    "party": "partiia" "partiya" "partido" "parti" "partei" "partito" "partia";
    "pharmaceutical": "pharma" "pharmaceuticals" "farma" "farmatsevticheskaia" "farmaceutica" "pharmazeutische";
    "production": "proizvodstvo" "proizvodstvennoe" "produktion" "produccion" "produzione";
    "project": "proekt" "projekt" "proyecto" "projet" "progetto";
    "railway": "railways" "railroad" "eisenbahn" "ferrocarril" "ferrocarriles" "ferroviaria";
    "republic": "respublika" "respubliki" "republica" "republique" "republik" "repubblica";
    "research": "issledovatelskii" "issledovaniia" "recherche" "forschung" "ricerca" "investigacion";
    "scientific": "nauchno" "nauchnyi" "nauchnaia" "scientifique" "cientifica" "scientifica" "wissenschaftliche";
    "service": "services" "svc" "svcs" "servis" "servicio" "servicios" "servizi" "dienst" "dienste";
    "shipyard": "verf" "werft" "astillero" "astilleros" "chantier" "shipyards";
    "society": "soc" "obshchestvo" "sociedad" "societe" "societa" "gesellschaft";
    "state": "gosudarstvennyi" "gosudarstvennoe" "gosudarstvennaia" "estatal" "staatliche" "statale";
    "systems": "system" "sistemy" "sistemas" "systeme" "sistemi" "sistem";
    "technology": "tech" "technologies" "tekhnologiia" "tekhnologii" "tecnologia" "tecnologias" "technologie" "technologien" "teknoloji" "teknologi";
    "trade": "trading" "torgovyi" "torgovaia" "torgovlia" "handel" "handels" "comercio" "commerce" "commercio" "ticaret";
    "transport": "transportation" "transp" "transporte" "trasporti" "tasimacilik";
    "university": "univ" "universitet" "universitat" "universitaet" "universidad" "universite" "universita" "universiteit" "uniwersytet" "univerzita" "univerzitet" "universidade" "universitesi";
}
