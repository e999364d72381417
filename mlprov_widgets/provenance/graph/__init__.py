"""The explorer without a widget: what is drawn, found and followed in any PROV-JSON, up to 100,000 records."""
