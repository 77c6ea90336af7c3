"""Two tasks on four years of Seattle's weather: figures with a picture, then a report about them."""
