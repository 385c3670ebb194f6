"""The product's sentences, one file a verb."""
