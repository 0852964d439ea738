"""What pages say: tables, sentences and questions, from traces and cards. No Streamlit."""
