"""Facts and colours in, charts out. No Streamlit."""
