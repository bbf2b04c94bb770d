"""What shops call things, in the words of exports that many use, as `plain` writes them; the likeliest names come first."""

import re

FIELD_NAMES = {
    "event_at": (
        "event_at", "event_time", "event_timestamp", "timestamp", "occurred_at", "time", "ts", "datetime", "date_time", "order_date",
        "ordered_at", "purchase_date", "invoice_date", "transaction_date", "created_at", "date_created", "order_created_at", "order_time",
        "paid_at", "processed_at", "completed_at", "server_time", "derived_tstamp", "collector_tstamp", "received_at", "sent_at",
        "bestelldatum", "zeitpunkt", "zeitstempel", "kaufdatum", "rechnungsdatum", "belegdatum", "auftragsdatum", "datum_uhrzeit",
        "datum", "uhrzeit", "date_commande", "fecha", "data", "date", "day", "tag", "date_paid", "created",
    ),
    "user_id": (
        "user_id", "userid", "customer_id", "customerid", "customer_number", "customer_no", "customer_nr", "cust_id", "kundennummer",
        "kunden_nummer", "kunden_nr", "kundennr", "kunden_id", "kundenid", "nutzer_id", "benutzer_id", "member_id", "account_id",
        "buyer_id", "shopper_id", "id_client", "id_cliente", "person_id", "uid", "customer", "kunde", "user", "nutzer", "benutzer",
        "client", "cliente", "buyer", "customer_user",
    ),
    "anonymous_id": (
        "anonymous_id", "visitor_id", "visitorid", "device_id", "user_pseudo_id", "domain_userid", "full_visitor_id", "client_id",
        "cookie_id", "guest_id", "browser_id", "besucher_id", "geraete_id", "ga_client_id", "cookie", "visitor", "device", "besucher",
    ),
    "session_id": (
        "session_id", "user_session", "sessionid", "visit_id", "domain_sessionid", "ga_session_id", "sitzungs_id", "sitzung_id",
        "session", "sitzung", "visit", "besuch",
    ),
    "item_id": (
        "item_id", "product_id", "itemid", "productid", "lineitem_sku", "product_sku", "sku", "article_id", "artikelnummer",
        "artikel_nummer", "artikel_nr", "artikelnr", "artikel_id", "produkt_id", "produktnummer", "produkt_nr", "stock_code", "stockcode",
        "product_code", "item_code", "item_number", "article_number", "variant_sku", "variant_id", "id_product", "product_ref", "asin",
        "gtin", "ean", "isbn", "artikel", "article", "produkt", "product", "item", "handle", "lineitem_name",
    ),
    "order_id": (
        "order_id", "orderid", "order_number", "order_no", "order_nr", "bestellnummer", "bestell_nummer", "bestell_nr", "bestellnr",
        "bestell_id", "auftragsnummer", "auftrags_nr", "auftrag_nr", "invoice_no", "invoice_number", "invoice_id", "rechnungsnummer",
        "rechnungs_nr", "transaction_id", "transactionid", "increment_id", "receipt_id", "receipt_no", "purchase_id", "beleg_nr",
        "belegnummer", "bon_nr", "id_order", "id_commande", "basket_id", "invoice", "order", "bestellung", "auftrag", "transaction",
        "name",
    ),
    "quantity": (
        "quantity", "qty", "lineitem_quantity", "item_quantity", "product_quantity", "qty_ordered", "menge", "anzahl", "stueckzahl",
        "stueck", "bestellmenge", "units", "pieces", "items_sold", "quantity_refund", "quantite", "cantidad", "count",
    ),
    "price": (
        "price", "unit_price", "item_price", "lineitem_price", "product_price", "price_each", "sale_price", "einzelpreis", "stueckpreis",
        "preis", "preis_brutto", "bruttopreis", "verkaufspreis", "vk_preis", "item_cost", "base_price", "net_price", "price_incl_tax",
        "price_paid", "artikelpreis", "prix", "prix_unitaire", "precio", "prezzo", "variant_price", "regular_price", "line_total",
        "item_total", "row_total", "total_price", "gesamtpreis", "zeilensumme", "amount", "betrag", "umsatz", "revenue", "subtotal",
        "total",
    ),
    "currency": (
        "currency", "currency_code", "order_currency", "order_currency_code", "currency_iso", "waehrung", "waehrungscode", "devise",
        "moneda", "valuta",
    ),
    "event_id": (
        "event_id", "message_id", "messageid", "insert_id", "event_uuid", "uuid", "id", "line_id", "row_id", "position_id", "lineitem_id",
    ),
    "rating": ("rating", "stars", "review_rating", "review_score", "bewertung", "sterne", "note"),
    "query": (
        "query", "search_query", "search_term", "searchterm", "search_string", "suchbegriff", "suchwort", "suchanfrage", "search",
        "suche", "q",
    ),
    "position": ("position", "list_position", "item_list_index", "rank", "slot", "pos"),
    "recommendation_id": ("recommendation_id", "reco_id"),
    "campaign_id": ("campaign_id", "utm_campaign", "kampagnen_id", "campaign", "kampagne", "campaign_name"),
    "treatment": ("treatment", "experiment_group", "test_group", "ab_group"),
    "consent_personalization": (
        "consent_personalization", "personalization_consent", "personalisation_consent", "consent", "einwilligung", "zustimmung",
    ),
    "title": (
        "title", "item_name", "product_name", "product_title", "name", "titel", "bezeichnung", "artikelbezeichnung", "artikelname",
        "produktname", "produktbezeichnung", "post_title", "lineitem_name",
    ),
    "description": (
        "description", "short_description", "body_html", "body", "beschreibung", "langtext", "kurzbeschreibung", "post_content",
    ),
    "category": (
        "category", "category_path", "categories", "product_category", "category_name", "category_code", "product_type", "type",
        "google_product_category", "kategorie", "kategorien", "kategoriepfad", "warengruppe", "produktgruppe", "rubrik", "categorie",
    ),
    "brand": ("brand", "brand_name", "vendor", "manufacturer", "marke", "hersteller", "herstellername", "marque", "marca"),
    "stock_quantity": (
        "stock_quantity", "stock", "inventory_quantity", "variant_inventory_qty", "inventory", "stock_level", "in_stock_quantity", "qty",
        "quantity", "bestand", "lagerbestand", "verfuegbar", "available", "availability",
    ),
    "is_active": ("is_active", "active", "enabled", "published", "visible", "is_published", "aktiv", "status", "online", "product_online"),
    "image_url": ("image_url", "image", "image_src", "image_link", "picture", "images", "bild", "bild_url", "bild_link", "base_image"),
    "item_group_id": ("item_group_id", "parent_id", "parent_sku", "parent_item_id", "product_group_id", "style_id", "variant_of"),
    "other_user_id": ("other_user_id", "previous_id", "old_user_id", "alias", "merged_id"),
    "linked_at": ("linked_at", "timestamp", "created_at", "seen_at", "time", "date"),
}  # fmt: skip
TOTALS = {
    "line_total", "item_total", "row_total", "total_price", "gesamtpreis", "zeilensumme", "amount", "betrag", "umsatz", "revenue",
    "subtotal", "total",
}  # fmt: skip
EVENT_TYPE_NAMES = (
    "event_type", "event_name", "event", "eventname", "eventtype", "action", "action_type", "activity", "behavior", "behaviour",
    "behavior_type", "interaction", "ereignis", "ereignistyp", "aktion", "aktivitaet", "vorgang", "type", "typ", "evenement", "evento",
)  # fmt: skip
STATUS_NAMES = ("status", "order_status", "financial_status", "bestellstatus", "auftragsstatus", "zahlungsstatus", "post_status", "state")
UNDONE = re.compile(r"refund|cancel|void|return|storn|retour|rueck|widerruf|annul|chargeback|failed|fehlgeschlagen")

_TYPES = {
    "product_list_viewed": (
        "product_list_viewed", "view_item_list", "list_view", "category_view", "view_category", "product_list_view", "kategorieansicht",
        "listing",
    ),
    "product_viewed": (
        "product_viewed", "view", "views", "viewed", "pv", "page_view", "pageview", "view_item", "view_product", "product_view",
        "item_view", "viewcontent", "view_content", "detail_view", "detail", "product_detail", "ansicht", "angesehen", "produktansicht",
        "artikelansicht", "produkt_angesehen", "artikel_angesehen", "aufruf", "vue", "consultation", "vista", "visto", "visualizzazione",
        "ver",
    ),
    "product_clicked": ("product_clicked", "click", "clicked", "select_item", "product_click", "item_click", "klick", "angeklickt", "clic"),
    "product_searched": (
        "products_searched", "product_searched", "search", "searched", "view_search_results", "site_search", "suche", "gesucht",
        "recherche", "busqueda",
    ),
    "product_added": (
        "product_added", "add", "cart", "add_to_cart", "addtocart", "added_to_cart", "add_cart", "cart_add", "atc", "basket",
        "add_to_basket", "product_added_to_cart", "warenkorb", "in_den_warenkorb", "in_warenkorb", "warenkorb_hinzugefuegt", "korb",
        "ajout_panier", "panier", "ajouter_au_panier", "carrito", "carrello", "agregar_al_carrito",
    ),
    "product_removed": (
        "product_removed", "remove", "remove_from_cart", "removefromcart", "cart_remove", "removed_from_cart", "aus_warenkorb",
        "aus_warenkorb_entfernt", "warenkorb_entfernt", "entfernt",
    ),
    "wishlist_added": (
        "product_added_to_wishlist", "wishlist_added", "wishlist", "add_to_wishlist", "addtowishlist", "fav", "favorite", "favourite",
        "like", "save", "merkzettel", "merkliste", "wunschliste", "wunschzettel", "gemerkt", "favoris", "favorito",
    ),
    "checkout_started": (
        "checkout_started", "checkout", "begin_checkout", "initiatecheckout", "initiate_checkout", "start_checkout", "kasse", "zur_kasse",
        "kasse_begonnen",
    ),
    "order_completed": (
        "order_completed", "purchase", "purchased", "buy", "bought", "order", "ordered", "transaction", "sale", "checkout_completed",
        "order_placed", "placed_order", "orderplaced", "conversion", "complete", "kauf", "gekauft", "kaufen", "bestellung", "bestellt",
        "kauf_abgeschlossen", "bestellung_abgeschlossen", "achat", "commande", "compra", "pedido", "acquisto", "ordine", "paid",
    ),
    "order_refunded": (
        "order_refunded", "refund", "refunded", "return", "returned", "retoure", "rueckgabe", "erstattung", "erstattet", "storno",
        "storniert", "gutschrift", "order_cancelled", "remboursement", "devolucion", "reembolso", "reso",
    ),
    "product_reviewed": ("product_reviewed", "review", "reviewed", "rate", "rating", "rated", "bewertung", "bewertet", "avis"),
    "recommendation_shown": ("recommendation_shown", "recommendation_viewed", "view_recommendation", "reco_shown", "impression"),
    "recommendation_clicked": ("recommendation_clicked", "click_recommendation", "reco_click"),
    "campaign_sent": ("campaign_sent", "email_sent", "email_delivered", "newsletter_sent"),
    "campaign_clicked": ("campaign_clicked", "email_link_clicked", "email_clicked", "newsletter_click"),
}  # fmt: skip
EVENT_TYPE_OF = {word: event_type for event_type, words in _TYPES.items() for word in words}
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e", "ê": "e", "á": "a", "ó": "o", "ñ": "n", "ç": "c", "à": "a"}
)


def plain(name: str) -> str:
    """A name in small letters with single underscores: 'CustomerID', 'Customer ID' and 'customer-id' are customer_id."""
    spaced = re.sub(r"(?<=[a-zäöü0-9])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower().translate(_UMLAUTS)).strip("_")


def name_score(path: str, names: tuple[str, ...]) -> int:
    """How well a path's name is one of `names`: 100 for the first, 0 for none; less where it only ends with one."""
    steps = path.split(".")
    wholes = {plain(" ".join(steps[start:])) for start in range(max(0, len(steps) - 2), len(steps))}
    scores = [0]
    for rank, name in enumerate(names):
        if name in wholes:
            scores.append(100 - rank)
        elif "_" in name and any(whole.endswith(f"_{name}") for whole in wholes):
            scores.append(50 - rank // 2)
    return max(scores)
