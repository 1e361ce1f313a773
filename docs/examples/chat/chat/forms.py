from django import forms

from .models import Message


class MessageForm(forms.ModelForm):
    class Meta:
        model = Message
        fields = ["text"]
        widgets = {"text": forms.TextInput}

    def clean_text(self):
        text = self.cleaned_data["text"]
        try:
            text.encode()
        except UnicodeEncodeError:
            # JSON can carry half a surrogate pair; no database can store it.
            raise forms.ValidationError("Not a valid text.") from None
        return text
