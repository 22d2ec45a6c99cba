"""Room `report`: charts, cards, the page."""
