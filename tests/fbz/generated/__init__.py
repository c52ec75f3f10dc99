"""Classes that flatc makes of the schema; `scripts/check-generated-fbz.sh` compares them."""
